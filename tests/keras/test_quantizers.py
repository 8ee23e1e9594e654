"""Quantizers in the graph: those of NumPy, straight-through gradients, drawing, names."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops
from quantizer_twins import codes_of

import tfpipeline
from tfpipeline import quantizers
from tfpipeline.numerics import low_bit
from tfpipeline.quantizers import QUANTIZERS, SBN, STN, Alternating

RNG = np.random.default_rng(0)
W = RNG.normal(scale=0.2, size=(7, 12)).astype("float32")
MOMENT = RNG.uniform(0.1, 2, W.shape).astype("float32")
SCALE = low_bit.stochastic_scale(7, 12)
NAME = pytest.mark.parametrize("name", QUANTIZERS)


def array(x):
    return ops.convert_to_numpy(x)


@NAME
def test_each_gate_is_quantized_as_specified(name):
    quantizer = quantizers.get(name)
    found = array(quantizer(W, gates=3, moment=MOMENT))
    codes = quantizer.codes(W, gates=3, moment=MOMENT)
    for gate in range(3):
        part = slice(4 * gate, 4 * gate + 4)
        expected = codes_of(name, W[:, part], MOMENT[:, part], SCALE)
        # The same formula in float32.
        np.testing.assert_allclose(found[:, part], expected.values(), rtol=2e-5, atol=1e-6)
        np.testing.assert_array_equal(codes.integers[..., part], expected.integers)
    assert (codes.integers.dtype, codes.scale.dtype) == (np.int8, np.float32)
    assert codes.scale.shape == (*codes.integers.shape[:-2], 1, 12)
    np.testing.assert_array_equal(codes.values(), found)


@NAME
def test_gates_do_not_mix(name):
    quantizer = quantizers.get(name)
    changed = W.copy()
    changed[:, 4:] *= 3
    first, second = (array(quantizer(w, gates=3, moment=MOMENT))[:, :4] for w in (W, changed))
    np.testing.assert_array_equal(first, second)
    whole = array(quantizer(changed, moment=MOMENT))[:, :4]
    # Where a scale is one a gate, it does depend on what belongs to the gate.
    shared = name in ("BWN", "LAB", "TerConnect", "TWN", "LAT")
    assert np.any(whole != first) == shared


@NAME
@pytest.mark.parametrize("compiled", [False, True])
def test_gradient_goes_straight_through(name, compiled):
    """The latent weights get the gradient of the quantized ones: one step of SGD shows it."""

    class Product(keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=W.shape, initializer=keras.initializers.Constant(0))
            self.moment = self.add_weight(
                shape=W.shape, initializer=keras.initializers.Constant(0), trainable=False
            )

        def call(self, x):
            quantizer = quantizers.get(name)
            return ops.tanh(ops.matmul(x, quantizer(self.w, 3, moment=self.moment)))

    x = RNG.normal(size=(5, 7)).astype("float32")
    layer = Product()
    layer.build(x.shape)
    layer.set_weights([W, MOMENT])
    model = keras.Sequential([keras.Input((7,)), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=compiled)
    model.train_on_batch(x, np.zeros((5, 12), "float32"))
    quantized = array(quantizers.get(name)(W, 3, moment=MOMENT)).astype("float64")

    def slope(i, j):
        values = []
        for change in (1e-5, -1e-5):
            moved = quantized.copy()
            moved[i, j] += change
            values.append(np.mean(np.tanh(x @ moved) ** 2))
        return (values[0] - values[1]) / 2e-5

    moved = W - array(layer.w)
    for i, j in ((0, 0), (3, 5), (6, 11)):
        assert moved[i, j] == pytest.approx(slope(i, j), abs=1e-6)
    assert np.abs(moved).max() > 1e-3


@NAME
def test_config_and_names(name):
    quantizer = quantizers.get(name)
    again = quantizers.get(quantizers.serialize(quantizer))
    assert type(again) is type(quantizer) is QUANTIZERS[name]
    assert again.get_config() == quantizer.get_config()
    assert quantizers.get(quantizer) is quantizer
    assert keras.saving.get_registered_name(type(quantizer)) == f"tfpipeline.quantizers>{name}"
    assert quantizer.bits in (1, 2)


def test_wrong_names_and_numbers():
    assert quantizers.get(None) is None and quantizers.serialize(None) is None
    assert tfpipeline.quantizers is quantizers
    assert quantizers.get(quantizers.serialize(Alternating(3, 1))).get_config() == {
        "bits": 3,
        "rounds": 1,
    }
    for wrong in ("ternary", 2, {"class_name": "Dense", "module": "keras.layers", "config": {}}):
        with pytest.raises((ValueError, TypeError)):
            quantizers.get(wrong)
    with pytest.raises(ValueError, match="must be one of .'BinaryConnect', .* received 'ternary'"):
        quantizers.get("ternary")
    for options, argument in (({"bits": 0}, "bits"), ({"bits": 5}, "bits"), ({"rounds": -1}, "r")):
        with pytest.raises(ValueError, match=f"`{argument}.*` must be an int from"):
            Alternating(**options)


@pytest.mark.parametrize(("kind", "values"), [(SBN, (-1, 1)), (STN, (-1, 0, 1))])
def test_drawn_weights_have_the_mean_of_the_latent_ones(kind, values):
    w = np.linspace(-1.2 * SCALE, 1.2 * SCALE, 84, dtype="float32").reshape(7, 12)
    seed = keras.random.SeedGenerator(1)
    drawn = np.stack([array(kind()(w, 3, seed=seed)) for _ in range(600)]) / np.float32(SCALE)
    assert set(np.unique(np.round(drawn, 5))) == set(values)
    expected = np.clip(w / SCALE, -1, 1)
    # Five deviations of a mean of 600 numbers of at most 1.
    np.testing.assert_allclose(drawn.mean(axis=0), expected, atol=5 / 600**0.5)
    calm = array(kind()(w, 3))
    np.testing.assert_array_equal(calm, array(kind()(w, 3)))
    again = keras.random.SeedGenerator(1)
    np.testing.assert_array_equal(array(kind()(w, 3, seed=again)) / np.float32(SCALE), drawn[0])


@pytest.mark.parametrize("name", ["LAB", "LAT"])
def test_no_moment_is_equal_moments(name):
    quantizer = quantizers.get(name)
    expected = array(quantizer(W, 3, moment=np.full_like(W, 0.3)))
    np.testing.assert_allclose(array(quantizer(W, 3)), expected, rtol=1e-6)
    np.testing.assert_array_equal(
        array(quantizer(W, 3, moment=np.zeros_like(W))) == 0, expected == 0
    )


@NAME
def test_a_matrix_of_zeros_stays_finite(name):
    assert np.isfinite(array(quantizers.get(name)(np.zeros((3, 4), "float32"), 2))).all()


def test_activations_are_quantized_vector_by_vector():
    x = RNG.normal(size=(2, 5, 16)).astype("float32")
    found = array(Alternating(2).activations(x))
    for vector, quantized in zip(x.reshape(-1, 16), found.reshape(-1, 16), strict=True):
        expected = low_bit.alternating(vector[:, None].astype("float64")).values()[:, 0]
        np.testing.assert_allclose(quantized, expected, atol=1e-5)
        assert len(np.unique(quantized)) <= 4


def test_half_precision_keeps_its_dtype():
    half = ops.cast(W, "float16")
    assert keras.backend.standardize_dtype(quantizers.get("TWN")(half, 3).dtype) == "float16"
