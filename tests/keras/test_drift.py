"""The state of FastGRNN on endless streams: what grows without control, and the bound with it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from recurrent_kinds import array

from tfpipeline.layers import FastGRNN, FastRNN

STEPS = 100_000


CONTROLS = ({}, {"state_filter": True}, {"h_clip": 2.0})


def saturated(**options):
    """A layer with the biases that every one starts from, for inputs that are never negative.

    Its gate stays at exactly 1, and so does its candidate.
    """
    layer = FastGRNN(
        3,
        "quant_tanh",
        "quant_sigmoid",
        kernel_initializer=keras.initializers.Constant(0.3),
        recurrent_initializer="zeros",
        return_sequences=True,
        **options,
    )
    layer.build((1, None, 2))
    return layer


def stream(steps):
    return np.abs(np.random.default_rng(0).normal(size=(steps, 2)))


def in_numpy(layers, steps):
    """|h| of the layers' steps after each tenth of a stream, `(10, layers, units)`."""
    described = [layer.export_step() for layer in layers]
    (w,), (u,) = described[0].kernel, described[0].recurrent_kernel
    b_z, shift = described[0].bias
    zeta, nu, gain, offset, limit = (
        np.array([[step.attributes[name]] for step in described])
        for name in ("zeta", "nu", "state_gain", "state_offset", "state_limit")
    )
    h, found = np.zeros((len(described), described[0].units)), []
    for time, x in enumerate(stream(steps) @ w + b_z):
        p = x + h @ u
        z, n = np.clip((p + 1) / 2, 0, 1), np.clip(p + shift, -1, 1)
        h = np.clip(gain * ((zeta * (1 - z) + nu) * n + z * h) + offset, -limit, limit)
        if (time + 1) % (steps // 10) == 0:
            found.append(np.abs(h))
    return np.array(found)


def test_the_layer_does_what_the_stream_in_numpy_does():
    layers = [saturated(**control) for control in CONTROLS]
    expected = in_numpy(layers, 200)
    for index, layer in enumerate(layers):
        output = np.abs(array(layer(stream(200)[None].astype("float32")))[0])
        # 200 additions in float32 against float64.
        np.testing.assert_allclose(output[19::20], expected[:, index], rtol=1e-5)


@pytest.mark.slow
def test_a_saturated_gate_drifts_without_control_and_not_with_it():
    """Where z is 1, h grows by nu times the candidate at every step."""
    states = in_numpy([saturated(**control) for control in CONTROLS], STEPS)
    free, filtered, clipped = states.mean(axis=-1).T
    nu = 1 / (1 + np.exp(4))
    np.testing.assert_allclose(free, nu * np.arange(1, 11) * STEPS / 10, rtol=1e-5)
    # gamma nu / (1 - gamma), where filter and growth are equal; gamma is kept in float32.
    np.testing.assert_allclose(filtered, 0.999 * nu / 0.001, rtol=1e-3)
    np.testing.assert_array_equal(clipped, 2.0)


@pytest.mark.parametrize("seed", range(8))
def test_the_filter_bounds_the_state(seed):
    """|h| <= max(gamma (zeta + nu) + (1 - gamma) |lambda|, (gamma nu + (1 - gamma) |lambda|) /
    (1 - gamma)), whatever the weights and the inputs."""
    rng = np.random.default_rng(seed)
    layer = FastGRNN(16, "quant_tanh", "quant_sigmoid", state_filter=True, return_sequences=True)
    layer.build((4, None, 5))
    for weight in layer.weights:
        weight.assign(rng.normal(scale=2.0, size=weight.shape))
    zeta, nu, gamma, level = (
        float(array(value)) for value in (layer.zeta, layer.nu, layer.gamma, layer.filter_level)
    )
    pull = (1 - gamma) * abs(level)
    bound = max(gamma * (zeta + nu) + pull, (gamma * nu + pull) / (1 - gamma))
    inputs = rng.normal(scale=3.0, size=(4, 400, 5)).astype("float32")
    largest = np.abs(array(layer(inputs))).max()
    # Float32 rounds at each of 400 steps.
    assert 0 < largest <= bound * (1 + 1e-4)


def test_fast_rnn_with_tanh_is_bounded_by_its_numbers():
    rng = np.random.default_rng(0)
    layer = FastRNN(16, return_sequences=True)
    layer.build((4, None, 5))
    for weight in layer.weights:
        weight.assign(rng.normal(scale=1.0, size=weight.shape))
    alpha, beta = float(array(layer.alpha)), float(array(layer.beta))
    inputs = rng.normal(scale=9.0, size=(4, 400, 5)).astype("float32")
    assert np.abs(array(layer(inputs))).max() <= alpha / (1 - beta) * (1 + 1e-4)
