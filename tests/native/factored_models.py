"""Random factored layers, and models of one, for the tests of the native part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.block_sparse import encode_blocks, pad_scales
from tfpipeline.numerics.factored import QuantizedFactor, factored_float, factored_int8
from tfpipeline.numerics.factored_options import OP_NAME, FactoredOptions
from tfpipeline.numerics.fully_connected import pack_rows
from tfpipeline.numerics.fully_connected_options import ACTIVATIONS


@dataclass(frozen=True)
class FactoredCase:
    """A quantized factored layer with inputs that fit it."""

    options: FactoredOptions
    first: QuantizedFactor
    last: QuantizedFactor
    bias: np.ndarray | None
    x: np.ndarray
    x_scale: float = 0.037
    x_zero_point: int = 5
    y_scale: float = 0.2
    y_zero_point: int = -7

    def reference(self) -> np.ndarray:
        """The output by the executable spec, in the shape that the op gives it."""
        x = self.x.reshape(-1, self.options.depth)
        arguments = (x, self.first, self.last, self.bias)
        if self.x.dtype == np.float32:
            y: np.ndarray = factored_float(*arguments, activation=self.options.activation)
        else:
            y = factored_int8(
                *arguments,
                x_scale=self.x_scale,
                x_zero_point=self.x_zero_point,
                inner_scale=self.options.inner_scale,
                inner_zero_point=self.options.inner_zero_point,
                y_scale=self.y_scale,
                y_zero_point=self.y_zero_point,
                activation=self.options.activation,
            )
        return y.reshape(*self.x.shape[:-1], self.options.rows)


def make_factor(
    rng: np.random.Generator, rows: int, depth: int, bits: int, per_row: bool
) -> QuantizedFactor:
    high = 2 ** (bits - 1)
    values = rng.integers(-high + (bits == 8), high, (rows, depth)).astype(np.int8)
    scales = rng.uniform(0.5, 2.0, rows if per_row else 1) * 0.3 / high
    return QuantizedFactor(values, scales.astype(np.float32))


def make_factored(
    rows: int = 40,
    depth: int = 24,
    rank: int = 9,
    batch: int | tuple[int, ...] = 1,
    bits: tuple[int, int] = (8, 8),
    dtype: type = np.int8,
    activation: str = "none",
    per_row: bool = True,
    bias: bool = True,
    seed: int = 0,
) -> FactoredCase:
    """A layer whose vectors reach both ends of their ranges."""
    rng = np.random.default_rng(seed)
    shape = (*((batch,) if isinstance(batch, int) else batch), depth)
    if dtype is np.int8:
        x = rng.integers(-128, 128, shape).astype(np.int8)
        values = rng.integers(-3000, 3000, rows).astype(np.int32)
        inner = {"inner_scale": 0.11, "inner_zero_point": int(rng.integers(-128, 128))}
    else:
        x = (rng.standard_normal(shape) * 3 + 1).astype(np.float32)
        values = rng.standard_normal(rows).astype(np.float32)
        inner = {}
    options = FactoredOptions(rows, depth, rank, *bits, activation, **inner)
    first = make_factor(rng, rank, depth, bits[0], per_row)
    last = make_factor(rng, rows, rank, bits[1], per_row)
    return FactoredCase(options, first, last, values if bias else None, x)


@dataclass
class FactoredModel:
    """Edits that a test makes before the model is built; lists are indexed by the factor."""

    custom_options: bytes | None = None
    x_shape: tuple[int, ...] | None = None
    x_quantization: bool = True
    y_dtype: type | None = None
    weights_data: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
    weights_scale: tuple[float | None, float | None] = (None, None)
    weights_constant: bool = True
    bias_data: np.ndarray | None = None
    inputs: tuple[int, ...] = ()
    sparse: bool = False


def _levels(scales: np.ndarray, data: float | None = None) -> Quantization:
    values = tuple(float(s) if data is None else data for s in scales)
    return Quantization(values if len(values) > 1 else values[0])


def factored_model(case: FactoredCase, edit: FactoredModel | None = None) -> bytes:
    """The bytes of a model with one node of our op: x 0, W1 1, W2 2, b 3, y 4."""
    edit = edit or FactoredModel()
    dtype, options = case.x.dtype.type, case.options
    is_int8 = dtype is np.int8
    model = ModelBuilder("one factored layer")
    graph = model.graph("main")
    x_levels = Quantization(case.x_scale, case.x_zero_point) if is_int8 else None
    shape = case.x.shape if edit.x_shape is None else edit.x_shape
    x = graph.tensor("x", shape, dtype, x_levels if edit.x_quantization else None)
    weights = []
    factors = ((case.first, options.first_bits), (case.last, options.last_bits))
    for number, (factor, bits) in enumerate(factors):
        data = edit.weights_data[number]
        data = pack_rows(factor.values, bits) if data is None else data
        levels = _levels(factor.scales, edit.weights_scale[number])
        kept = data if edit.weights_constant else None
        if edit.sparse:
            scales = pad_scales(factor.scales) if len(factor.scales) > 1 else factor.scales
            blocks = encode_blocks(factor.values)
            weights.append(graph.sparse_constant(f"w{number}", blocks, _levels(scales)))
            continue
        weights.append(graph.tensor(f"w{number}", data.shape, data.dtype, levels, kept))
    bias = -1
    if case.bias is not None:
        bias = graph.constant("b", case.bias if edit.bias_data is None else edit.bias_data)
    y_levels = Quantization(case.y_scale, case.y_zero_point) if is_int8 else None
    y = graph.tensor("y", (*case.x.shape[:-1], options.rows), edit.y_dtype or dtype, y_levels)
    packed = options.pack() if edit.custom_options is None else edit.custom_options
    graph.custom(OP_NAME, edit.inputs or (x, *weights, bias), [y], packed)
    graph.finish([x], [y])
    return model.to_bytes()


def stock_model(case: FactoredCase) -> bytes:
    """The same int8 layer as two FULLY_CONNECTED nodes."""
    options = case.options
    model = ModelBuilder("two layers")
    graph = model.graph("main")
    x_levels = Quantization(case.x_scale, case.x_zero_point)
    x = graph.tensor("x", case.x.shape, np.int8, x_levels)
    inner_levels = Quantization(options.inner_scale, options.inner_zero_point)
    shape = case.x.shape[:-1]
    inner = graph.tensor("a", (*shape, options.rank), np.int8, inner_levels)
    y_levels = Quantization(case.y_scale, case.y_zero_point)
    y = graph.tensor("y", (*shape, options.rows), np.int8, y_levels)
    zeros = np.zeros(options.rank, np.int32)
    _stock_layer(graph, x, case.first, zeros, case.x_scale, inner, "none")
    _stock_layer(graph, inner, case.last, case.bias, options.inner_scale, y, options.activation)
    graph.finish([x], [y])
    return model.to_bytes()


def _stock_layer(
    graph: GraphBuilder,
    x: int,
    factor: QuantizedFactor,
    bias: np.ndarray | None,
    x_scale: float,
    y: int,
    activation: str,
) -> None:
    assert bias is not None, "XNNPACK takes int8 layers with a bias of known scale"
    weights = graph.constant(f"w{y}", factor.values, _levels(factor.scales))
    steps = (np.float32(x_scale) * factor.scales).astype(np.float32)
    constant = graph.constant(f"b{y}", bias, _levels(steps))
    options = schema.FullyConnectedOptionsT(
        fusedActivationFunction=ACTIVATIONS[activation], keepNumDims=True
    )
    graph.operator("FULLY_CONNECTED", [x, weights, constant], [y], options, 5)
