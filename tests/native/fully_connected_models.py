"""Random fully connected layers, and models of one, for the tests of the native part."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.block_sparse import encode_blocks, pad_scales
from tfpipeline.numerics.fully_connected import (
    fully_connected_float,
    fully_connected_int8,
    pack_rows,
)
from tfpipeline.numerics.fully_connected_options import (
    ACTIVATIONS,
    OP_NAME,
    FullyConnectedOptions,
)
from tfpipeline.numerics.trits import pack_trits

#: FULLY_CONNECTED versions that know per-channel scales.
_INT8_VERSION, _HYBRID_VERSION = 4, 9


@dataclass(frozen=True)
class LayerCase:
    """A quantized layer with inputs that fit it."""

    options: FullyConnectedOptions
    weights: np.ndarray
    scales: np.ndarray
    bias: np.ndarray | None
    x: np.ndarray
    x_scale: float = 0.037
    x_zero_point: int = 5
    y_scale: float = 0.2
    y_zero_point: int = -7

    def reference(self) -> np.ndarray:
        """The output `(batch, rows)` by the executable spec."""
        x = self.x.reshape(-1, self.options.depth)
        arguments = (x, self.weights, self.scales, self.bias)
        if self.x.dtype == np.float32:
            return fully_connected_float(*arguments, activation=self.options.activation)
        return fully_connected_int8(
            *arguments,
            x_scale=self.x_scale,
            x_zero_point=self.x_zero_point,
            y_scale=self.y_scale,
            y_zero_point=self.y_zero_point,
            activation=self.options.activation,
        )


def make_layer(
    rows: int = 40,
    depth: int = 24,
    batch: int | tuple[int, ...] = 1,
    bits: int = 8,
    dtype: type = np.int8,
    activation: str = "none",
    per_row: bool = True,
    bias: bool = True,
    seed: int = 0,
) -> LayerCase:
    """A layer whose outputs reach both ends of their range."""
    rng = np.random.default_rng(seed)
    high = 2 ** (bits - 1)
    weights = rng.integers(-high + (bits == 8), high, (rows, depth)).astype(np.int8)
    scales = (rng.uniform(0.5, 2.0, rows if per_row else 1) * 0.3 / high).astype(np.float32)
    shape = (*((batch,) if isinstance(batch, int) else batch), depth)
    if dtype is np.int8:
        x = rng.integers(-128, 128, shape).astype(np.int8)
        values = rng.integers(-3000, 3000, rows).astype(np.int32)
    else:
        x = (rng.standard_normal(shape) * 3 + 1).astype(np.float32)
        values = rng.standard_normal(rows).astype(np.float32)
    options = FullyConnectedOptions(rows, depth, bits, activation)
    return LayerCase(options, weights, scales, values if bias else None, x)


@dataclass
class LayerModel:
    """Edits that a test makes before the model is built."""

    custom_options: bytes | None = None
    x_shape: tuple[int, ...] | None = None
    x_quantization: bool = True
    y_quantization: bool = True
    weights_data: np.ndarray | None = None
    weights_scales: tuple[float, ...] | None = None
    weights_zero_point: int = 0
    weights_axis: int = 0
    weights_constant: bool = True
    bias_data: np.ndarray | None = None
    bias_scales: bool = True
    y_dtype: type | None = None
    sparse: bool = False
    #: Ternary weights five a byte; `weights_data` are then these bytes.
    trits: bool = False
    inputs: list[int] = field(default_factory=list)
    builtin: dict[str, object] = field(default_factory=dict)


def layer_model(case: LayerCase, custom: bool = True, edit: LayerModel | None = None) -> bytes:
    """The bytes of a model with one node: our op, or the builtin FULLY_CONNECTED."""
    edit = edit or LayerModel()
    options = case.options
    dtype = case.x.dtype.type
    is_int8 = dtype is np.int8
    model = ModelBuilder("one layer")
    graph = model.graph("main")

    def levels(scale: float, zero_point: int, wanted: bool) -> Quantization | None:
        return Quantization(scale, zero_point) if is_int8 and wanted else None

    x_levels = levels(case.x_scale, case.x_zero_point, edit.x_quantization)
    x = graph.tensor("x", case.x.shape if edit.x_shape is None else edit.x_shape, dtype, x_levels)
    data = case.weights if edit.weights_data is None else edit.weights_data
    if edit.trits:
        data = pack_trits(data) if edit.weights_data is None else data
    elif options.weight_bits < 8:
        # The builtin's INT4 has no gaps between rows.
        data = pack_rows(data if custom else data.reshape(1, -1), options.weight_bits)
        data = data if custom else data.ravel()
    scales = edit.weights_scales or tuple(float(s) for s in case.scales)
    quantization = Quantization(
        scales if len(scales) > 1 else scales[0], edit.weights_zero_point, edit.weights_axis
    )
    if edit.sparse:
        if len(scales) > 1:
            padded = tuple(float(s) for s in pad_scales(scales))
            quantization = Quantization(padded, edit.weights_zero_point, edit.weights_axis)
        weights = graph.sparse_constant("w", encode_blocks(data), quantization)
    else:
        weights = graph.tensor(
            "w", data.shape, data.dtype, quantization, data if edit.weights_constant else None
        )
    bias = -1
    if case.bias is not None:
        # XNNPACK takes an int8 layer only where the bias has the scale that it must have.
        products = np.float32(case.x_scale) * case.scales
        steps = tuple(float(value) for value in products)
        known = edit.bias_scales and is_int8
        bias_levels = Quantization(steps if len(steps) > 1 else steps[0]) if known else None
        values = case.bias if edit.bias_data is None else edit.bias_data
        bias = graph.constant("b", values, bias_levels)
    y_levels = levels(case.y_scale, case.y_zero_point, edit.y_quantization)
    y = graph.tensor("y", (*case.x.shape[:-1], options.rows), edit.y_dtype or dtype, y_levels)
    inputs = edit.inputs or [x, weights, bias]
    if custom:
        packed = options.pack() if edit.custom_options is None else edit.custom_options
        graph.custom(OP_NAME, inputs, [y], packed)
    else:
        if options.weight_bits == 4:
            tensor = graph.subgraph.tensors[weights]
            tensor.type, tensor.shape = (
                schema.TensorType.INT4,
                np.array((options.rows, options.depth), np.int32),
            )
        arguments = {
            "fusedActivationFunction": ACTIVATIONS[options.activation],
            "keepNumDims": case.x.ndim > 2,
            "asymmetricQuantizeInputs": not is_int8,
        } | edit.builtin
        version = _INT8_VERSION if is_int8 else _HYBRID_VERSION
        layer = schema.FullyConnectedOptionsT(**arguments)
        graph.operator("FULLY_CONNECTED", inputs, [y], layer, version)
    graph.finish([x], [y])
    return model.to_bytes()
