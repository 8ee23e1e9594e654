"""A dense layer with a quantized kernel and normalized products, against NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops
from quantizer_twins import quantized

from tfpipeline.callbacks import SecondMoments
from tfpipeline.layers import NormalizedDense
from tfpipeline.normalizations import BatchShared, Layer
from tfpipeline.quantizers import QUANTIZERS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6, 3)).astype("float32")
MASK = np.arange(6) < np.array([6, 4, 1, 5])[:, None]
UNITS = 5
NORMALIZATIONS = (None, "weight", "layer", "batch_shared")
NORMALIZATION = pytest.mark.parametrize("name", NORMALIZATIONS)
TOLERANCE = 1e-5  # a few sums in float32


def array(x):
    return np.array(ops.convert_to_numpy(x))


def made(normalization, quantizer="TWN", **options):
    """A built layer with weights and averages as if it had trained."""
    layer = NormalizedDense(
        UNITS, "relu", weight_quantizer=quantizer, normalization=normalization, **options
    )
    layer.build((None, X.shape[-1]))
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        spread = np.clip(rng.normal(scale=0.3, size=weight.shape), -0.5, 0.5)
        positive = weight.name.rpartition("_")[2] in ("gain", "variance", "moment")
        weight.assign(spread + positive)
    return layer


def weights_of(layer):
    return {w.name: array(w) for w in layer.weights if "seed" not in w.name}


def normal(layer, x, rows=None):
    """What the layer computes; statistics are those of `rows`, or the averages."""
    w, how = weights_of(layer), layer.normalization
    name = layer.weight_quantizer and type(layer.weight_quantizer).__name__
    kernel = quantized(name, w["kernel"], 1, w.get("kernel_second_moment"))
    p = x @ kernel
    if how is None:
        return np.maximum(p + w["bias"], 0)
    if not isinstance(how, (Layer, BatchShared)):
        norms = np.linalg.norm(kernel, axis=0)
        p = p / np.where(norms > 0, norms, 1)  # ternary codes may all be 0
        return np.maximum(p * w["kernel_gain"] + w["bias"], 0)
    if isinstance(how, Layer):
        mean, variance = p.mean(axis=-1, keepdims=True), p.var(axis=-1, keepdims=True)
    elif rows is None:
        mean, variance = w["kernel_moving_mean"], w["kernel_moving_variance"]
    else:
        mean, variance = p[rows].mean(axis=0), p[rows].var(axis=0)
    p = (p - mean) / np.sqrt(variance + how.epsilon) * w["kernel_gain"] + w["kernel_offset"]
    return np.maximum(p + w["bias"], 0)


@NORMALIZATION
def test_it_is_numpys(name):
    layer = made(name)
    np.testing.assert_allclose(array(layer(X)), normal(layer, X), atol=TOLERANCE)
    for mask in (None, MASK):
        before = weights_of(layer)
        rows = np.ones_like(MASK) if mask is None else MASK
        expected = normal(layer, X, rows)
        found = array(layer(X, mask=mask, training=True))
        np.testing.assert_allclose(found, expected, atol=TOLERANCE)
        if name == "batch_shared":
            products, after = X[rows] @ array(layer.kernel), weights_of(layer)
            for what, seen in (("mean", products.mean(axis=0)), ("variance", products.var(axis=0))):
                moved = 0.9 * before[f"kernel_moving_{what}"] + 0.1 * seen
                np.testing.assert_allclose(after[f"kernel_moving_{what}"], moved, atol=TOLERANCE)


@pytest.mark.parametrize("quantizer", [None, *QUANTIZERS])
def test_every_quantizer(quantizer):
    layer = made("weight", quantizer)
    np.testing.assert_allclose(array(layer(X)), normal(layer, X), atol=TOLERANCE)


@pytest.mark.parametrize("name", [None, "weight", "batch_shared"])
def test_folded_and_collapsed_it_computes_the_same(name):
    layer = made(name, "BinaryConnect", use_bias=False)
    expected = array(layer(X))
    kernel, bias = layer.fold()
    np.testing.assert_allclose(np.maximum(X @ kernel + bias, 0), expected, atol=TOLERANCE)
    plain = layer.collapse()
    assert type(plain) is keras.layers.Dense
    np.testing.assert_allclose(array(plain(X)), expected, atol=TOLERANCE)
    # A column is codes times one number, to the bit.
    codes = layer.weight_quantizer.codes(layer.weights[0]).integers
    np.testing.assert_array_equal(kernel, codes * np.abs(kernel).max(axis=0))


@NORMALIZATION
def test_the_call_of_export_computes_the_same(name):
    layer = made(name)
    np.testing.assert_allclose(array(layer.folded_call()(X)), array(layer(X)), atol=TOLERANCE)


def test_with_neither_it_is_keras_own_layer():
    theirs = keras.layers.Dense(UNITS)
    expected = array(theirs(X))
    ours = NormalizedDense(UNITS, weight_quantizer=None, normalization=None)
    ours.build(X.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_array_equal(array(ours(X)), expected)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@NORMALIZATION
def test_mixed_precision(name, policy):
    layer, exact = made(name, dtype=policy), made(name)
    for training in (False, True):
        output = layer(X, training=training)
        assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
        # bfloat16 keeps 8 bits.
        np.testing.assert_allclose(
            array(ops.cast(output, "float32")), array(exact(X, training=training)), atol=0.06
        )
    np.testing.assert_array_equal(array(layer.kernel), array(exact.kernel))


@pytest.mark.slow
def test_fit_save_and_load(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            NormalizedDense(4, "relu", weight_quantizer="LAT", normalization="batch_shared"),
            NormalizedDense(4, weight_quantizer="STN", normalization="layer", seed=1),
            NormalizedDense(2, weight_quantizer="BWN"),
        ]
    )
    model.compile("adam", "mse", jit_compile=JIT)
    before = [array(w) for w in model.weights]
    model.fit(X, np.ones((4, 6, 2)), epochs=2, verbose=0, callbacks=[SecondMoments()])
    for weight, old in zip(model.weights, before, strict=True):
        assert np.any(array(weight) != old), weight.path
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(X)), array(model(X)))
    for ours, theirs in zip(loaded.layers, model.layers, strict=True):
        assert ours.get_config() == theirs.get_config()


def test_masks_pass_through_and_units_are_checked():
    assert ops.any(keras.src.backend.get_keras_mask(NormalizedDense(2)(masked())))
    with pytest.raises(ValueError, match="`units` must be a positive int; received 0"):
        NormalizedDense(0)


def masked():
    return keras.layers.Masking()(X * MASK[..., None])
