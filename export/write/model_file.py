"""Writes one `.tflite` file: its graphs with inputs, ops and outputs, its signatures, its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.fused_weights import StoredZeros
from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.lower.lowering import Lowering
from tfpipeline.export.lower.op_modes import KeptFloat
from tfpipeline.export.lower.stream_states import ExplicitStates, InternalStates, States
from tfpipeline.export.lower.tensor_formats import PLAIN
from tfpipeline.export.modes import FLOAT32
from tfpipeline.export.options import ExportOptions
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.samples.signature import ModelSignature, TensorSpec
from tfpipeline.export.write.model_card import with_units
from tfpipeline.runtime.model_card import CARD_METADATA, LENGTH, STEP, pack_card

_DESCRIPTION = "tfpipeline"
WHOLE_SIGNATURE, STEP_SIGNATURE, RESET_SIGNATURE = "serving_default", STEP, "reset"


@dataclass(frozen=True)
class Written:
    """A file, and which of its ops have no integer kernel.

    Args:
        data: The file.
        kept_float: Ops that stay in float32 in an integer mode.
        card: Its model card.
        tensor_indices: The tensor in the file's main graph of each activation of the float graph.
        marked_outputs: Which of them a recurrent layer puts out, and its name.
        zeros: By name, weights of our ops with many zeros, and how they are stored.
    """

    data: bytes
    kept_float: tuple[KeptFloat, ...]
    card: dict[str, Any]
    tensor_indices: dict[int, int]
    marked_outputs: dict[int, str]
    zeros: dict[str, StoredZeros]


class ModelFile:
    """A model under construction.

    Args:
        signature: Names of the Keras model's inputs and outputs.
        options: The types of real inputs and outputs, and of activations.
        scores: What the entries of each output are, by name, for the model card.
    """

    def __init__(
        self,
        signature: ModelSignature,
        options: ExportOptions,
        scores: Mapping[str, str | None] | None = None,
    ) -> None:
        self._signature = signature
        self._scores = scores or {}
        self._io = options.io
        self._activations = options.modes.default.activations
        self._model = ModelBuilder(_DESCRIPTION)
        self._lowerings: list[Lowering] = []
        self._described: dict[str, dict[str, Any]] = {}

    def graph(self, name: str = "main") -> GraphBuilder:
        """Add a graph; the first one is what interpreters run by default."""
        return self._model.graph(name)

    def add(
        self, lowering: Lowering, states: States | None, frontend: Mapping[str, Any] | None
    ) -> None:
        """Lower a graph and give it a signature."""
        inputs, described_inputs = self._inputs(lowering)
        length = None
        if lowering.bounded:
            frames = max(e["shape"][1] for e in described_inputs if e["time_axis"])
            inputs[LENGTH] = lowering.declare_length(LENGTH, frames)
            length = {"input": LENGTH, "max": frames}
        lowering.run()
        outputs, described_outputs = self._outputs(lowering, states)
        explicit = states if isinstance(states, ExplicitStates) else None
        if explicit is not None:
            inputs |= explicit.inputs
            outputs |= explicit.outputs
        graph = lowering.graph
        graph.finish(list(inputs.values()), list(outputs.values()))
        key = WHOLE_SIGNATURE if states is None else STEP_SIGNATURE
        self._model.signature(key, graph, inputs, outputs)
        if isinstance(states, InternalStates):
            self._model.signature(RESET_SIGNATURE, states.finish(), {}, {})
        self._lowerings.append(lowering)
        self._described[key] = {
            "streaming": states is not None,
            "inputs": [with_units(entry, frontend) for entry in described_inputs],
            "outputs": described_outputs,
            "states": [] if states is None else states.described,
            "length": length,
        }

    def write(
        self,
        card: Mapping[str, Any],
        chunk: int | None,
        metadata: Mapping[str, bytes] | None = None,
    ) -> Written:
        """Pack the model with its card, whose top level is of the main graph.

        Args:
            card: What it says besides shapes, types and states.
            chunk: Time steps of a call of the stream, if there is one.
            metadata: Entries beside the card, by name.
        """
        main, *others = (
            (key, {**described, "chunk": chunk if described["streaming"] else None})
            for key, described in self._described.items()
        )
        full_card = {**card, **main[1]}
        if others:
            full_card["signatures"] = dict(others)
        self._model.metadata(CARD_METADATA, pack_card(full_card))
        for name, entry in (metadata or {}).items():
            self._model.metadata(name, entry)
        kept = tuple(kept for lowering in self._lowerings for kept in lowering.kept_float)
        first = self._lowerings[0]
        data = self._model.to_bytes()
        return Written(
            data,
            kept,
            full_card,
            first.activations.tensor_indices(),
            first.marked_outputs,
            first.fused_weights.zeros,
        )

    def _inputs(self, lowering: Lowering) -> tuple[dict[str, int], list[dict[str, Any]]]:
        tensors, described = {}, []
        for i, spec in enumerate(self._signature.inputs):
            index = lowering.source.inputs.get(f"in_{i}")
            if index is None:
                continue
            source = lowering.source.tensors[index]
            kind, q = self._format(lowering, index)
            tensor = lowering.graph.tensor(spec.name, source.shape, kind, q)
            real = source.dtype == np.float32
            lowering.activations.define(index, tensor, self._io if real else PLAIN)
            tensors[spec.name] = tensor
            described.append(_describe(spec, source.shape, kind, self._inside(lowering, index)))
        return tensors, described

    def _outputs(
        self, lowering: Lowering, states: States | None
    ) -> tuple[dict[str, int], list[dict[str, Any]]]:
        tensors: dict[str, int] = {}
        described = []
        taken = set(states.outputs.values()) if isinstance(states, ExplicitStates) else set()
        inputs = {tensor for tensor in range(len(self._signature.inputs))}
        for i, spec in enumerate(self._signature.outputs):
            index = lowering.source.outputs[f"out_{i}"]
            source = lowering.source.tensors[index]
            kind, q = self._format(lowering, index)
            tensor = lowering.activations.read(index, self._io)
            if tensor in taken or tensor in tensors.values() or tensor in inputs:
                # One tensor has one name: what is a state or another output too gets a copy.
                tensor = _copy(lowering.graph, tensor, source.shape, kind, q)
            lowering.graph.rename(tensor, spec.name)
            tensors[spec.name] = tensor
            integers = lowering.activations.holds(index, self._activations)
            inside = self._inside(lowering, index) if integers else None
            entry = _describe(spec, source.shape, kind, inside)
            known = spec.name in self._scores
            described.append(entry | ({"scores": self._scores[spec.name]} if known else {}))
        return tensors, described

    def _format(self, lowering: Lowering, index: int) -> tuple[Any, Quantization | None]:
        dtype = lowering.source.tensors[index].dtype
        if dtype != np.float32 or self._io == FLOAT32:
            return dtype, None
        return np.dtype(self._io), lowering.activations.quantization(index, self._io)

    def _inside(self, lowering: Lowering, index: int) -> Quantization | None:
        """Return the quantization of an input or output within the graph, where there is one."""
        kind = self._activations
        if lowering.source.tensors[index].dtype != np.float32 or kind == FLOAT32:
            return None
        return lowering.activations.quantization(index, kind)


def _copy(
    graph: GraphBuilder, tensor: int, shape: tuple[int, ...], dtype: Any, q: Quantization | None
) -> int:
    result = graph.tensor("copy", shape, dtype, q)
    target = graph.constant("copy/shape", np.array(shape, np.int32))
    options = schema.ReshapeOptionsT(newShape=np.array(shape, np.int32))
    graph.operator("RESHAPE", [tensor, target], [result], options)
    return result


def _describe(
    spec: TensorSpec, shape: tuple[int, ...], dtype: Any, q: Quantization | None
) -> dict[str, Any]:
    return {
        "name": spec.name,
        "shape": list(shape),
        "dtype": np.dtype(dtype).name,
        "scale": None if q is None else q.scales()[0],
        "zero_point": 0 if q is None else q.zero_point,
        "time_axis": spec.has_time,
    }
