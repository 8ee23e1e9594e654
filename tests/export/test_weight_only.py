"""Integer weights with float activations: products of integers only where they are faster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_model import FEATURES, FRAMES, walk

from tfpipeline.export import Tolerances, convert_stock, export, kept_conversions
from tfpipeline.numerics.quantize import channel_scales, quantize_channels
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items()}
_PRODUCTS = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")
Weights = dict[tuple[str, int], set[str]]


def _model() -> keras.Model:
    """Kernels on both sides of 1,024 values, of each kind of product."""
    keras.utils.set_random_seed(5)
    layers, bias = keras.layers, {"bias_initializer": "normal"}
    x = keras.Input((FRAMES, FEATURES))
    h = layers.Reshape((-1, 1, FEATURES))(x)
    h = layers.DepthwiseConv2D((9, 1), padding="same", **bias)(h)
    h = layers.Conv2D(24, 1, activation="relu", **bias)(h)
    h = layers.DepthwiseConv2D((43, 1), padding="same", **bias)(h)
    h = layers.Conv2D(48, (3, 1), activation="relu", **bias)(h)
    h = layers.Conv2D(20, 1, activation="relu", **bias)(h)
    h = layers.GlobalAveragePooling2D()(h)
    h = layers.Dense(64, activation="relu", **bias)(h)
    h = layers.Dense(15, activation="relu", **bias)(h)
    return keras.Model(x, layers.Dense(3, **bias)(h))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return _model()


@pytest.fixture(scope="module")
def files(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("weights")
    with kept_conversions():
        return {
            mode: export(
                model,
                folder / f"{mode}.tflite",
                quantize=mode,
                calibration=walk(20),
                forms=("portable",),
                # In 4 bits nothing is left of channels that a model without training hardly moves.
                tolerances=Tolerances(0.0, 10.0) if mode in ("int4", "int2") else None,
            )
            for mode in ("float32", "dynamic", "int4", "int2")
        }


def _weights(path: Path) -> Weights:
    """The types that products read their weights in, by op and number of weights."""
    data = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    types = {number: name for name, number in vars(schema.TensorType).items()}
    found: Weights = {}
    for graph in data.subgraphs:
        for op in graph.operators:
            code = data.operatorCodes[op.opcodeIndex]
            name = _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
            if name in _PRODUCTS:
                tensor = graph.tensors[op.inputs[1]]
                found.setdefault((name, int(np.prod(tensor.shape))), set()).add(types[tensor.type])
    return found


def test_dynamic_follows_the_stock_converter_but_for_depthwise(
    model: keras.Model, files: dict[str, Any], tmp_path: Path
) -> None:
    found = _weights(files["dynamic"].portable)
    stock = _weights(convert_stock(model, tmp_path / "stock.tflite", FRAMES))
    assert found.keys() == stock.keys()
    sizes = [size for name, size in found if name != "DEPTHWISE_CONV_2D"]
    assert min(sizes) < 1024 <= max(sizes)
    depthwise = ("DEPTHWISE_CONV_2D", 43 * 24)
    # The runtime's kernel for these is several times as slow as XNNPACK's for floats.
    assert stock.pop(depthwise) == {"INT8"} and found.pop(depthwise) == {"FLOAT32"}
    assert found == stock


@pytest.mark.parametrize("mode", ["int4", "int2"])
def test_convolutions_do_the_same_in_every_weight_only_mode(
    files: dict[str, Any], mode: str
) -> None:
    dynamic, found = (_weights(files[name].portable) for name in ("dynamic", mode))
    for key, types in found.items():
        if key[0] != "FULLY_CONNECTED":
            assert types == dynamic[key], key


def test_weights_are_stored_as_integers_all_the_same(files: dict[str, Any]) -> None:
    data = schema.ModelT.InitFromPackedBuf(files["dynamic"].portable.read_bytes())
    (graph,) = data.subgraphs
    for tensor in graph.tensors:
        # What is left in float32 are biases, and weights that take less than their scales would.
        if tensor.type == schema.TensorType.FLOAT32 and tensor.buffer:
            stored = data.buffers[tensor.buffer].data
            assert stored is None or len(stored) <= 4 * 64, tensor.name
    sizes = {mode: report.portable.stat().st_size for mode, report in files.items()}
    assert sizes["int4"] < sizes["dynamic"] < 0.6 * sizes["float32"]


def test_small_products_are_those_of_the_rounded_weights(tmp_path: Path) -> None:
    keras.utils.set_random_seed(6)
    layers, bias = keras.layers, {"bias_initializer": "normal"}
    x = keras.Input((FRAMES, FEATURES))
    h = layers.Reshape((-1, 1, FEATURES))(x)
    h = layers.DepthwiseConv2D((43, 1), padding="same", name="depthwise", **bias)(h)
    h = layers.Conv2D(20, 1, activation="relu", **bias)(h)
    h = layers.GlobalAveragePooling2D()(h)
    model = keras.Model(x, layers.Dense(24, **bias)(h))
    report = export(
        model,
        tmp_path / "small.tflite",
        quantize="dynamic",
        calibration=walk(20),
        forms=("portable",),
    )
    held_out = walk(4, seed=9)
    plain = model.predict(held_out, verbose=0)
    for layer in model.layers:
        if layer.weights:
            kernel, *others = layer.get_weights()
            axis = 2 if layer.name == "depthwise" else kernel.ndim - 1
            scales = channel_scales(kernel, axis=axis)
            shape = [-1 if i == axis else 1 for i in range(kernel.ndim)]
            rounded = quantize_channels(kernel, scales, axis=axis) * scales.reshape(shape)
            layer.set_weights([rounded.astype(np.float32), *others])
    expected = model.predict(held_out, verbose=0)
    found = Interpreter(report.portable).predict(held_out)
    # The same weights, summed in another order; rounding them moved the scores much further.
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(plain - expected).max() > 1e-4


@pytest.mark.parametrize(
    ("shape", "layer", "axis"),
    [
        ((8, 8, 6), lambda: keras.layers.Conv2DTranspose(16, 3, strides=2, padding="same"), 2),
        ((8, 6), lambda: keras.layers.Conv1DTranspose(24, 4, strides=2, padding="same"), 1),
        ((4, 6, 6, 6), lambda: keras.layers.Conv3D(16, 3, padding="same"), 4),
    ],
)
def test_weights_without_fast_kernels_are_unpacked(
    tmp_path: Path, shape: tuple[int, ...], layer: Callable[[], Any], axis: int
) -> None:
    """Stored in their format, computed in float32, whatever the activations around them are."""
    x = np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer()(inputs))
    random = np.random.default_rng(3)
    kernel, bias = (random.normal(size=weights.shape) for weights in model.weights)
    sizes = {}
    with kept_conversions():
        for mode, stored, tolerance in (
            ("float32", 4, 1e-5),
            ("float16", 2, 2e-2),
            ("dynamic", 1, 1e-5),
            ("int8", 1, None),
        ):
            model.set_weights([kernel, bias])
            report = export(
                model,
                tmp_path / f"{mode}.tflite",
                quantize=mode,
                calibration=x,
                forms=("portable",),
            )
            sizes[mode] = len(Path(report.portable).read_bytes())
            assert abs(sizes[mode] - sizes["float32"] + (4 - stored) * kernel.size) < 2048
            if tolerance is None:
                assert report.kept_float
                continue
            if mode == "dynamic":
                scales = channel_scales(kernel, axis=axis)
                along = [-1 if i == axis else 1 for i in range(kernel.ndim)]
                rounded = quantize_channels(kernel, scales, axis=axis) * scales.reshape(along)
                model.set_weights([rounded, bias])
            expected = model.predict(x, verbose=0)
            found = Interpreter(report.portable).predict(x)
            np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())
