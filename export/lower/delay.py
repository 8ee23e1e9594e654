"""Lowers the past that a layer reads beside its input to builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.graph.markers import Delay
from tfpipeline.export.lower.stream_states import States
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import FLOAT32, INT8, INT16
from tfpipeline.export.quantize.quantization import Quantization


def lower_delay(
    activations: Activations, delay: Delay, op: FloatOperator, kind: str, states: States | None
) -> None:
    """Put the past that a convolution pads in front of its input."""
    index = op.inputs[0]
    x, shape = activations.read(index, kind), activations.source.tensors[index].shape
    q = None if kind == FLOAT32 or states is None else activations.quantization(index, kind)
    result = activations.declare(op.outputs[0], kind)
    name = activations.name(op.outputs[0])
    put_past(activations.graph, (delay.name, name), x, shape, delay.frames, kind, q, states, result)


def put_past(
    graph: GraphBuilder,
    names: tuple[str, str],
    x: int,
    shape: Sequence[int],
    frames: int,
    kind: str,
    q: Quantization | None,
    states: States | None,
    result: int,
) -> None:
    """Write `frames` of the past and a tensor: zeros in a whole sequence, a state in a stream.

    Args:
        graph: Where to.
        names: Of the layer, and of the result.
        x: The tensor.
        shape: Its shape, `(1, time, ...)`.
        frames: How many.
        kind: Its number format.
        q: Its quantization, where it has one; only read in a stream.
        states: Of the stream; None in a whole sequence.
        result: The tensor to write.
    """
    layer, name = names
    version = {FLOAT32: 1, INT8: 2, INT16: 3}[kind]
    if states is None:
        amounts = np.zeros((len(shape), 2), np.int32)
        amounts[1, 0] = frames
        paddings = graph.constant(f"{layer}/paddings", amounts)
        graph.operator("PAD", [x, paddings], [result], schema.PadOptionsT(), version)
        return
    past_shape = (1, frames, *shape[2:])
    past = states.read(layer, "past", past_shape, np.dtype(kind), q)
    options = schema.ConcatenationOptionsT(axis=1)
    graph.operator("CONCATENATION", [past, x], [result], options, version)
    begin = np.array([0, shape[1]] + [0] * (len(shape) - 2), np.int32)
    kept = graph.tensor(f"{name}/last", past_shape, np.dtype(kind), q)
    inputs = [
        result,
        graph.constant(f"{layer}/begin", begin),
        graph.constant(f"{layer}/size", np.array(past_shape, np.int32)),
    ]
    slice_version = {FLOAT32: 1, INT8: 2, INT16: 4}[kind]
    graph.operator("SLICE", inputs, [kept], schema.SliceOptionsT(), slice_version)
    states.write(layer, "past", kept)
