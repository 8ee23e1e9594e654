"""Writes the model file of a wake word: int8 features in, one probability out, states inside."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.convert.float_graphs import Converted, StreamGraph
from tfpipeline.export.esphome.few_operators import FewOperators
from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.lower.lowering import Lowering
from tfpipeline.export.lower.scales import QuantizationTable
from tfpipeline.export.lower.stream_states import InternalStates
from tfpipeline.export.modes import INT16
from tfpipeline.export.options import ExportOptions, Form
from tfpipeline.export.quantize.quantization import SIGMOID_OUTPUT, UNIT_INT16, Quantization
from tfpipeline.inspection import esphome

_FORM = Form(fused=False, streaming=True)
_INPUT = Quantization(*esphome.INPUT)
_OUTPUT = Quantization(*esphome.OUTPUT)
FEATURE_RANGE = (0.0, 255.0 * esphome.INPUT[0])
"""What int8 features reach from, and to."""


def write_model(
    converted: Converted,
    table: QuantizationTable,
    options: ExportOptions,
    names: tuple[str, str],
) -> bytes:
    """Return the bytes of the file.

    Args:
        converted: The float graphs of the model, that of its stream among them.
        table: Scales and quantized layers, for the graph of the whole sequence.
        options: Modes of the layers.
        names: Of the input and of the output.
    """
    stream = converted.stream
    assert stream is not None
    graph = FewOperators.main(ModelBuilder("tfpipeline", FewOperators))
    states = InternalStates(graph, names)
    scales = _with_whole_features(table, converted).carried_to(stream.graph, stream.pairs)
    layer_of = converted.marked.layer_of
    lowering = Lowering(
        stream.graph, scales, graph, _FORM, options, layer_of, states, unrolled=True
    )
    x = _input(lowering, graph, stream, names[0])
    lowering.run()
    y = _output(lowering, graph, stream, names[1])
    states.finish_start()
    graph.finish([x], [y])
    graph.model.signature("step", graph, {names[0]: x}, {names[1]: y})
    return graph.model.to_bytes()


def _with_whole_features(table: QuantizationTable, converted: Converted) -> QuantizationTable:
    """Return the scales with that of the input as the device has it."""
    index = converted.whole.inputs["in_0"]
    ranges = {**table.ranges, index: FEATURE_RANGE}
    return QuantizationTable(table.graph, ranges, table.plans, table.means)


def _input(lowering: Lowering, graph: FewOperators, stream: StreamGraph, name: str) -> int:
    index = stream.graph.inputs["in_0"]
    shape, q = stream.graph.tensors[index].shape, lowering.activations.quantization(index, INT16)
    x = graph.tensor(name, shape, np.int8, _INPUT)
    inside = graph.tensor(f"{name}/int16", shape, np.int16, q)
    graph.widen(x, inside)
    lowering.activations.define(index, inside, INT16)
    return x


def _output(lowering: Lowering, graph: FewOperators, stream: StreamGraph, name: str) -> int:
    """Write the probability after the last time step of a call."""
    index = stream.graph.outputs["out_0"]
    y, shape = lowering.activations.read(index, INT16), stream.graph.tensors[index].shape
    q = lowering.activations.quantization(index, INT16)
    if len(shape) == 3 and shape[1] > 1:
        last = graph.tensor(f"{name}/last", (1, 1, 1), np.int16, q)
        graph.cut(y, (0, shape[1] - 1, 0), (1, 1, 1), last)
        y, shape = last, (1, 1, 1)
    if shape != (1, 1):
        flat = graph.tensor(f"{name}/flat", (1, 1), np.int16, q)
        graph.operator("SQUEEZE", [y], [flat])
        y = flat
    if not ends_in_sigmoid(stream):
        probability = graph.tensor(f"{name}/probability", (1, 1), np.int16, UNIT_INT16)
        graph.operator("LOGISTIC", [y], [probability], None, version=3)
        y = probability
    # There is no kernel from int16 to uint8.
    narrow = graph.tensor(f"{name}/int8", (1, 1), np.int8, SIGMOID_OUTPUT)
    graph.operator("QUANTIZE", [y], [narrow], schema.QuantizeOptionsT(), version=2)
    result = graph.tensor(name, (1, 1), np.uint8, _OUTPUT)
    graph.operator("QUANTIZE", [narrow], [result], schema.QuantizeOptionsT())
    return result


def ends_in_sigmoid(stream: StreamGraph) -> bool:
    """Return whether the model puts out a sigmoid, and not a logit."""
    graph = stream.graph
    position = graph.producer(graph.outputs["out_0"])
    while position is not None:
        op = graph.operators[position]
        if op.code not in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"):
            return op.code == "LOGISTIC"
        position = graph.producer(op.inputs[0])
    return False
