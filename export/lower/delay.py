"""Lowers a delay, the past that a convolution pads, to builtin ops."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.graph.markers import Delay
from tfpipeline.export.lower.stream_states import States
from tfpipeline.export.lower.tensor_formats import Activations
from tfpipeline.export.modes import FLOAT32, INT8, INT16


def lower_delay(
    activations: Activations, delay: Delay, op: FloatOperator, kind: str, states: States | None
) -> None:
    """Put the past in front of the input: zeros in a whole sequence, a state in a stream."""
    graph, source = activations.graph, activations.source
    index, output = op.inputs[0], op.outputs[0]
    x, name = activations.read(index, kind), activations.name(output)
    shape = source.tensors[index].shape
    version = {FLOAT32: 1, INT8: 2, INT16: 3}[kind]
    if states is None:
        amounts = np.zeros((len(shape), 2), np.int32)
        amounts[1, 0] = delay.frames
        result = activations.declare(output, kind)
        paddings = graph.constant(f"{delay.name}/paddings", amounts)
        graph.operator("PAD", [x, paddings], [result], schema.PadOptionsT(), version)
        return
    q = None if kind == FLOAT32 else activations.quantization(index, kind)
    past_shape = (1, delay.frames, *shape[2:])
    past = states.read(delay.name, "past", past_shape, np.dtype(kind), q)
    result = activations.declare(output, kind)
    options = schema.ConcatenationOptionsT(axis=1)
    graph.operator("CONCATENATION", [past, x], [result], options, version)
    begin = np.array([0, shape[1]] + [0] * (len(shape) - 2), np.int32)
    kept = graph.tensor(f"{name}/last", past_shape, np.dtype(kind), q)
    inputs = [
        result,
        graph.constant(f"{delay.name}/begin", begin),
        graph.constant(f"{delay.name}/size", np.array(past_shape, np.int32)),
    ]
    slice_version = {FLOAT32: 1, INT8: 2, INT16: 4}[kind]
    graph.operator("SLICE", inputs, [kept], schema.SliceOptionsT(), slice_version)
    states.write(delay.name, "past", kept)
