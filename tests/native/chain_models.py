"""Models as a stream has them: QUANTIZE, a recurrent op of ours, FULLY_CONNECTED, DEQUANTIZE."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from fully_connected_models import LayerCase, make_layer
from recurrent_models import Case, feeds, input_names, make_case, op_model, state_names

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization


@dataclass(frozen=True)
class ChainCase:
    """A recurrent layer that reads real numbers, and a dense one that gives real scores."""

    recurrent: Case
    dense: LayerCase
    x: np.ndarray

    def feeds(self) -> dict[str, np.ndarray]:
        """The values of the model's inputs by name."""
        return feeds(self.recurrent) | {"x": self.x}

    def reference(self) -> list[np.ndarray]:
        """The scores and the final states by the executable specs."""
        y, *states = self.recurrent.reference()
        layer = replace(self.dense, x=y)
        levels = layer.reference().astype(np.float32) - np.float32(layer.y_zero_point)
        return [levels * np.float32(layer.y_scale), *states]


def make_chain(
    cell: str = "gru", units: int = 24, classes: int = 12, **options: object
) -> ChainCase:
    """One step of one sequence, unless `options` of `make_case` say otherwise."""
    given = {"time": 1, "batch": 1, "window": 1, **options}
    case = make_case(units=units, cell=cell, return_sequences=False, **given)  # type: ignore[arg-type]
    dense = replace(
        make_layer(classes, units, len(case.x)), x_scale=case.options.scale_h, x_zero_point=0
    )
    # Numbers between two levels, within a quarter of one.
    rng = np.random.default_rng(1)
    real = case.x.astype(np.float32) - case.x_zero_point + rng.uniform(-0.25, 0.25, case.x.shape)
    return ChainCase(case, dense, (real * case.x_scale).astype(np.float32))


def chain_model(case: ChainCase, x_is_read_twice: bool = False, bias_scales: bool = True) -> bytes:
    """The bytes of the model; its outputs are the scores and the final states.

    Args:
        case: what it computes.
        x_is_read_twice: whether the quantized x is an output of the model too.
        bias_scales: whether the dense layer's bias has them, without which XNNPACK leaves it.
    """
    spec = op_model(case.recurrent)
    model = ModelBuilder("a chain")
    graph = model.graph("main")
    x_levels = Quantization(case.recurrent.x_scale, case.recurrent.x_zero_point)
    y_levels = Quantization(case.recurrent.options.scale_h, 0)
    given = graph.tensor("x", case.x.shape, np.float32)
    places = [_add(graph, spec.tensors[i], x_levels, y_levels) for i in range(len(spec.tensors))]
    placed = dict(enumerate(places)) | {-1: -1}
    x, y = placed[0], placed[spec.index("y")]
    graph.operator("QUANTIZE", [given], [x])
    inputs, outputs = ([placed[i] for i in one] for one in (spec.inputs, spec.outputs))
    graph.custom(spec.op_name, inputs, outputs, spec.custom_options)
    levels, scores = _dense(graph, case.dense, y, bias_scales)
    graph.operator("DEQUANTIZE", [levels], [scores], version=2)
    names = input_names(case.recurrent.cell)
    fed = [given if names[i] == "x" else placed[i] for i in spec.model_inputs]
    states = [placed[spec.index(name)] for name in state_names(case.recurrent.cell)]
    graph.finish(fed, [scores, *states, *([x] if x_is_read_twice else [])])
    return model.to_bytes()


def _add(graph: GraphBuilder, tensor: object, x: Quantization, y: Quantization) -> int:
    name, shape, data = tensor.name, tensor.shape, tensor.data  # type: ignore[attr-defined]
    scales = tensor.scales  # type: ignore[attr-defined]
    if name == "x":
        return graph.tensor("x_levels", shape, np.int8, x)
    if name == "y":
        return graph.tensor("y", shape, np.int8, y)
    if data is None:
        dtype = np.int32 if name == "lengths" else np.int8 if name in _MATRICES else np.float32
        return graph.tensor(name, shape, dtype)
    dtype = np.int8 if name in _MATRICES else np.float32
    values = np.frombuffer(data, dtype).reshape(shape)
    return graph.constant(name, values, None if scales is None else Quantization(scales, 0, 0))


_MATRICES = ("W1", "W2", "U1", "U2")


def _dense(graph: GraphBuilder, layer: LayerCase, y: int, bias_scales: bool) -> tuple[int, int]:
    from ai_edge_litert import schema_py_generated as schema

    scales = tuple(float(s) for s in layer.scales)
    weights = graph.constant("weights", layer.weights, Quantization(scales, 0, 0))
    steps = tuple(float(s) for s in np.float32(layer.x_scale) * layer.scales)
    assert layer.bias is not None
    bias = graph.constant("dense_bias", layer.bias, Quantization(steps) if bias_scales else None)
    shape = (len(layer.x), layer.options.rows)
    levels = graph.tensor("levels", shape, np.int8, Quantization(layer.y_scale, layer.y_zero_point))
    scores = graph.tensor("scores", shape, np.float32)
    options = schema.FullyConnectedOptionsT(fusedActivationFunction=0, keepNumDims=False)
    graph.operator("FULLY_CONNECTED", [y, weights, bias], [levels], options, 4)
    return levels, scores
