"""From a Keras model to the float graphs that lowerings start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from tfpipeline.export.convert.kept import Conversion, current
from tfpipeline.export.convert.worker import ConversionJob, convert
from tfpipeline.export.emit.fused_lookups import fused_lookups
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
        if any(fused_lookups(self.whole, lambda op: modes.of(self._layer_of(op)))):
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
    kept = current()
    conversion = kept.find(model, signature.shapes(samples, whole_frames), also_at)
    if conversion is None:
        conversion = _run_converter(model, signature, samples, also_at, work)
        kept.add(conversion)
    marked, data = conversion.marked, conversion.data
    graphs = {name: read_float_graph(value) for name, value in data.items()}
    _check_kernels(graphs[_WHOLE], marked)
    stream = None
    if also_at is not None:
        assert conversion.chunk is not None
        stretched = _stretched(marked, graphs, conversion.chunk)
        if bounded:
            check_bounded(stretched)
        if chunk is not None:
            pairs = same_tensors(graphs[_SHORT], graphs[_WHOLE], marked.layer_of)
            stream = StreamGraph(stretched.at(chunk), pairs, chunk)
    return Converted(marked, graphs[_WHOLE], data[_WHOLE], stream)


def _run_converter(
    model: keras.Model,
    signature: ModelSignature,
    samples: Samples,
    chunk: int | None,
    work: Path,
) -> Conversion:
    """Convert the model with markers at the samples' length and those of a stream."""
    frames = {_WHOLE: signature.frames(samples)}
    if chunk is not None:
        frames[_SHORT], frames[_LONG] = auxiliary_frames(chunk)
    marked = MarkedModel(model, signature, streaming=chunk is not None)
    with progress("Converting"):
        marked.save(work, frames, lambda count: signature.shapes(samples, count))
        jobs = [
            ConversionJob(str(work / key), str(work / f"{key}.marked"), custom_ops=True)
            for key in frames
        ]
        convert(jobs, work)
    data = {key: Path(job.output).read_bytes() for key, job in zip(frames, jobs, strict=True)}
    shapes = signature.shapes(samples, frames[_WHOLE])
    return Conversion(model, shapes, chunk, marked, data)


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
