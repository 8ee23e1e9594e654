"""From a Keras model to the float graphs that lowerings start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import keras

from tfpipeline.export.convert.worker import ConversionJob, convert
from tfpipeline.export.emit.sparse_products import is_sparse_product
from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer.reader import read_float_graph
from tfpipeline.export.graph.bounded import check_bounded
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.graph.markers import MARKER, Delay, MarkedLayer, marker_index
from tfpipeline.export.graph.op_layers import layer_of_op
from tfpipeline.export.graph.other_length import same_tensors
from tfpipeline.export.graph.pairs import find_pairs
from tfpipeline.export.graph.time_axes import StretchedGraph, auxiliary_frames
from tfpipeline.export.modes import ModeTable
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.trace.markers_in_keras import MarkedModel
from tfpipeline.export.trace.predictions import traced_once
from tfpipeline.progress import progress

_WHOLE, _SHORT, _LONG = "whole", "short", "long"


@dataclass(frozen=True)
class StreamGraph:
    """The float graph of a stream.

    Args:
        graph: At `chunk` time steps.
        pairs: How its tensors map to those of the graph of the whole sequence.
        chunk: Time steps of a call.
    """

    graph: FloatGraph
    pairs: dict[int, int]
    chunk: int


@dataclass(frozen=True)
class Converted:
    """The marked float graphs of a model.

    Args:
        marked: What the markers stand for, and the names of layers.
        whole: The graph at the length of the samples.
        data: The same as the converter wrote it.
        stream: The graph of a stream; None without.
    """

    marked: MarkedModel
    whole: FloatGraph
    data: bytes
    stream: StreamGraph | None

    def can_fuse(self, modes: ModeTable, block_sparse: bool) -> bool:
        """Return whether any of its layers has a custom op in these modes.

        With `block_sparse` that includes dense layers with many blocks of zeros, in a stream or a
        whole sequence.
        """
        layers = {layer.name for layer in self.marked.marked if isinstance(layer, MarkedLayer)}
        operators = self.whole.operators
        layers |= {self._layer_of(operators[last]) for last in find_pairs(self.whole)}
        if any(modes.of(layer).fusable for layer in layers):
            return True
        graphs = [self.whole] if self.stream is None else [self.whole, self.stream.graph]
        return block_sparse and any(
            is_sparse_product(graph, op, modes.of(self._layer_of(op, graph)))
            for graph in graphs
            for op in graph.operators
        )

    def sparse_in_stream(self, modes: ModeTable) -> frozenset[int]:
        """Return dense layers whose blocks of zeros pay in the stream: their outputs in `whole`."""
        if self.stream is None:
            return frozenset()
        graph, pairs = self.stream.graph, self.stream.pairs
        return frozenset(
            pairs[op.outputs[0]]
            for op in graph.operators
            if is_sparse_product(graph, op, modes.of(self._layer_of(op, graph)))
        )

    def _layer_of(self, op: FloatOperator, graph: FloatGraph | None = None) -> str:
        return layer_of_op(graph or self.whole, op, self.marked.layer_of) or ""


def convert_model(
    model: keras.Model,
    signature: ModelSignature,
    samples: Samples,
    chunk: int | None,
    work: Path,
    bounded: bool = False,
) -> Converted:
    """Convert a model at the samples' length and, with a chunk, for a stream of such chunks.

    Args:
        model: A built model.
        signature: Its inputs and outputs.
        samples: Inputs, for their shapes.
        chunk: Time steps of a call of a stream; None without one.
        work: A folder for files.
        bounded: Refuse a model in which padding at the end would reach what comes before.
    """
    whole_frames = signature.frames(samples)
    also_at = chunk or (1 if bounded else None)
    if also_at is not None and whole_frames is None:
        shapes = [spec.shape for spec in signature.inputs]
        what = "streaming" if chunk else "length='bounded'"
        raise ExportError(
            f"{what} needs an input with a free time axis, such as Input((None, 40)), received "
            f"inputs of shape {shapes}: build the model with one"
        )
    frames: dict[str, int | None] = {_WHOLE: whole_frames}
    if also_at is not None:
        frames[_SHORT], frames[_LONG] = auxiliary_frames(also_at)
    kept = _kept.get()
    key = (id(model), also_at, tuple(tuple(s) for s in signature.shapes(samples, whole_frames)))
    if kept is not None and key in kept:
        _, marked, data = kept[key]
    else:
        marked, data = _run_converter(model, signature, samples, frames, work)
        if kept is not None:
            kept[key] = (model, marked, data)
    graphs = {name: read_float_graph(value) for name, value in data.items()}
    _check_kernels(graphs[_WHOLE], marked)
    stream = None
    if also_at is not None:
        stretched = _stretched(marked, graphs, also_at)
        if bounded:
            check_bounded(stretched)
        if chunk is not None:
            pairs = same_tensors(graphs[_SHORT], graphs[_WHOLE], marked.layer_of)
            stream = StreamGraph(stretched.at(chunk), pairs, chunk)
    return Converted(marked, graphs[_WHOLE], data[_WHOLE], stream)


_Kept = dict[object, tuple[keras.Model, MarkedModel, dict[str, bytes]]]
_kept: ContextVar[_Kept | None] = ContextVar("kept_conversions", default=None)


@contextmanager
def kept_conversions() -> Iterator[None]:
    """While open, a model that was converted once is not converted again, nor traced to predict.

    For comparing many ways to export one model, which all begin with the same float graph. Its
    weights must not change meanwhile.
    """
    token = _kept.set({})
    try:
        with traced_once():
            yield
    finally:
        _kept.reset(token)


def _run_converter(
    model: keras.Model,
    signature: ModelSignature,
    samples: Samples,
    frames: dict[str, int | None],
    work: Path,
) -> tuple[MarkedModel, dict[str, bytes]]:
    """Return the model with markers, converted at each of the lengths."""
    marked = MarkedModel(model, signature, streaming=len(frames) > 1)
    with progress("Converting"):
        marked.save(work, frames, lambda count: signature.shapes(samples, count))
        jobs = [
            ConversionJob(str(work / key), str(work / f"{key}.marked"), custom_ops=True)
            for key in frames
        ]
        convert(jobs, work)
    return marked, {
        key: Path(job.output).read_bytes() for key, job in zip(frames, jobs, strict=True)
    }


def _check_kernels(graph: FloatGraph, marked: MarkedModel) -> None:
    """Refuse ops that the converter does not know: it lets all custom ops pass for our markers."""
    for op in graph.operators:
        if op.custom is not None and op.custom != MARKER:
            layer = layer_of_op(graph, op, marked.layer_of)
            who = "the model" if layer is None else f"layer {layer!r}"
            raise ExportError(
                f"{who} needs the op {op.custom!r}, which TensorFlow Lite does not have: leave out "
                "what needs it (keras.ops.argmax does, of scores), or write it with other ops"
            )


def _stretched(marked: MarkedModel, graphs: dict[str, FloatGraph], chunk: int) -> StretchedGraph:
    def delay_of(op: FloatOperator) -> Delay | None:
        if op.custom != MARKER:
            return None
        found = marked.marked[marker_index(op.custom_options)]
        return found if isinstance(found, Delay) else None

    return StretchedGraph(
        graphs[_SHORT], graphs[_LONG], auxiliary_frames(chunk), marked.layer_of, delay_of
    )
