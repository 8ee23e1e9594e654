"""Random uint8 fully connected layers, and models of one, for the tests of the native part."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.fully_connected_options import ACTIVATIONS, OP_NAME, FullyConnectedOptions
from tfpipeline.numerics.fully_connected_uint8 import fully_connected_uint8, sums_uint8


@dataclass(frozen=True)
class UnsignedLayer:
    """A uint8 layer with inputs that fit it; `raw` asks for int32 sums."""

    weights: np.ndarray
    bias: np.ndarray | None
    x: np.ndarray
    w_zero_point: int
    x_zero_point: int
    y_zero_point: int
    y_scale: float
    w_scale: float = 0.013
    x_scale: float = 0.021
    activation: str = "none"
    raw: bool = False

    def reference(self, fixed_point: bool = True) -> np.ndarray:
        """The output `(batch, rows)` by the executable spec."""
        x = self.x.reshape(-1, self.weights.shape[1])
        zero_points = {"x_zero_point": self.x_zero_point, "w_zero_point": self.w_zero_point}
        if self.raw:
            return sums_uint8(x, self.weights, self.bias, **zero_points)
        return fully_connected_uint8(
            x,
            self.weights,
            self.bias,
            x_scale=self.x_scale,
            w_scale=self.w_scale,
            y_scale=self.y_scale,
            y_zero_point=self.y_zero_point,
            activation=self.activation,
            fixed_point=fixed_point,
            **zero_points,
        )


def make_unsigned(
    rows: int = 40,
    depth: int = 24,
    batch: int | tuple[int, ...] = 1,
    ends: tuple[int, int] = (0, 255),
    activation: str = "none",
    bias: bool = True,
    raw: bool = False,
    seed: int = 0,
) -> UnsignedLayer:
    """A layer of weights within `ends` whose outputs reach both ends of their range."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(ends[0], ends[1] + 1, (rows, depth)).astype(np.uint8)
    shape = (*((batch,) if isinstance(batch, int) else batch), depth)
    x = rng.integers(0, 256, shape).astype(np.uint8)
    values = rng.integers(-9000, 9000, rows).astype(np.int32)
    zero_points = [int(v) for v in rng.integers(0, 256, 3)]
    # From multipliers of 2^-7 to some above 1.
    y_scale = float(np.float32(0.013 * 0.021 * 2.0 ** rng.uniform(-2, 7)))
    return UnsignedLayer(
        weights, values if bias else None, x, *zero_points, y_scale, activation=activation, raw=raw
    )


@dataclass
class UnsignedModel:
    """Edits that a test makes before the model is built."""

    w_dtype: type = np.uint8
    y_dtype: type | None = None
    x_scale: float | None = None
    w_scales: tuple[float, ...] | None = None
    w_zero_point: int | None = None
    weight_bits: int = 8
    activation: str | None = None
    bias_scale: bool = True
    builtin: dict[str, object] = field(default_factory=dict)


def unsigned_model(
    layer: UnsignedLayer, custom: bool = True, edit: UnsignedModel | None = None
) -> bytes:
    """The bytes of a model with one node: our op, or the builtin FULLY_CONNECTED."""
    edit = edit or UnsignedModel()
    rows, depth = layer.weights.shape
    activation = edit.activation or layer.activation
    model = ModelBuilder("one uint8 layer")
    graph = model.graph("main")
    x_scale = layer.x_scale if edit.x_scale is None else edit.x_scale
    x = graph.tensor("x", layer.x.shape, np.uint8, Quantization(x_scale, layer.x_zero_point))
    zero_point = layer.w_zero_point if edit.w_zero_point is None else edit.w_zero_point
    levels = Quantization(edit.w_scales or layer.w_scale, zero_point)
    weights = graph.constant("w", layer.weights.view(edit.w_dtype), levels)
    bias = -1
    if layer.bias is not None:
        # XNNPACK takes a layer only where the bias has the scale that it must have.
        step = Quantization(float(np.float32(layer.x_scale) * np.float32(layer.w_scale)))
        bias = graph.constant("b", layer.bias, step if edit.bias_scale else None)
    y_dtype = edit.y_dtype or (np.int32 if layer.raw else np.uint8)
    y_levels = None if layer.raw else Quantization(layer.y_scale, layer.y_zero_point)
    y = graph.tensor("y", (*layer.x.shape[:-1], rows), y_dtype, y_levels)
    if custom:
        options = FullyConnectedOptions(rows, depth, edit.weight_bits, activation)
        graph.custom(OP_NAME, [x, weights, bias], [y], options.pack())
    else:
        arguments = {
            "fusedActivationFunction": ACTIVATIONS[activation],
            "keepNumDims": layer.x.ndim > 2,
        } | edit.builtin
        stock = schema.FullyConnectedOptionsT(**arguments)
        graph.operator("FULLY_CONNECTED", [x, weights, bias], [y], stock)
    graph.finish([x], [y])
    return model.to_bytes()
