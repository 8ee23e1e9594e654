"""Trained layers in integers, against the layers themselves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from random_step import random_step
from small_model import settle

from tfpipeline.layers import UGRNN, FastGRNN, FastRNN
from tfpipeline.microcontroller import Classifier, integer_model
from tfpipeline.numerics.byte_cells import step_error

FEATURES, UNITS, STEPS = 6, 10, 24
PIECEWISE = {"activation": "quant_tanh"}
GATED = {**PIECEWISE, "recurrent_activation": "quant_sigmoid"}
#: What the two layers offer; each must come through.
OPTIONS: list[tuple[Any, dict[str, Any]]] = [
    (FastRNN, {}),
    (FastRNN, {"rank": 3, "tie_beta": True}),
    (FastRNN, {"rank": 3, "recurrent_rank": 4, "h_clip": 0.7, "use_bias": False}),
    (FastGRNN, {}),
    (FastGRNN, {"rank": 3, "recurrent_rank": 4}),
    (FastGRNN, {"recurrent_rank": 4, "recurrent_activation": "quant_sigmoid4"}),
    (FastGRNN, {"rank": 3, "use_bias": False, "h_clip": 1.5, "state_filter": True}),
]


def layer_of(kind: Any, options: dict[str, Any], on_grid: bool = False) -> Any:
    """Return a built layer; on the grid, weights that bytes hold exactly."""
    functions = GATED if kind is FastGRNN else PIECEWISE
    layer = kind(UNITS, **{**functions, **options})
    layer.build((None, STEPS, FEATURES))
    settle(layer, seed=1)
    if on_grid:
        arrays = [v for v in layer.trainable_variables if len(v.shape)]
        largest = max(float(np.abs(np.asarray(v)).max()) for v in arrays)
        # 127 / 85 is quantized with a scale of 85 again.
        for variable in arrays:
            variable.assign(np.rint(np.asarray(variable) * (127 / largest)) / 85)
    return layer


def walk(samples: int, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cumsum(0.4 * rng.normal(size=(samples, steps, FEATURES)), axis=1).astype(np.float32)


@pytest.mark.parametrize(("kind", "options"), OPTIONS)
def test_each_step_is_that_of_the_layer(kind: Any, options: dict[str, Any]) -> None:
    layer = layer_of(kind, options, on_grid=True)
    made = integer_model(layer.export_step(), walk(20))
    x = made.inputs(walk(20))
    states = made.cell.sequence(x)
    before = np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
    # Every step of the stream from the state that the integers had there.
    flat = [array.reshape(-1, array.shape[-1]) for array in (x / 2.0**made.cell.x_bits, before)]
    h = made.cell.to_float(flat[1])
    expected, _ = layer.cell(flat[0].astype(np.float32), [h.astype(np.float32)])
    error = np.abs(made.cell.to_float(states).reshape(h.shape) - np.asarray(expected)).max()
    # The scalars are rounded to thousandths: alpha, beta, zeta, nu, each times a number below 1
    # or a state.
    rounded = 0.0005 * (2 + np.abs(h).max())
    assert error <= step_error(made.cell) + rounded + 1e-6
    assert len(np.unique(states)) > 500


@pytest.mark.parametrize(("kind", "options"), OPTIONS)
def test_bytes_of_trained_weights_decide_as_the_layer_does(
    kind: Any, options: dict[str, Any]
) -> None:
    layer, rng = layer_of(kind, options), np.random.default_rng(3)
    classifier = Classifier(rng.normal(size=(UNITS, 4)), 0.1 * rng.normal(size=4))
    x = walk(200)
    made = integer_model(layer.export_step(), x[:100], classifier)
    exact = np.asarray(layer(x)) @ classifier.kernel + classifier.bias
    found = made.outputs(made.states(x)[:, -1])
    # A byte has two or three digits: measured 0.01 to 0.07 of the deviation.
    assert np.sqrt(((found - exact) ** 2).mean()) < 0.15 * exact.std()
    top = np.sort(exact, axis=1)
    clear = top[:, -1] - top[:, -2] > 0.3 * exact.std()
    assert clear.sum() > 60
    assert (found.argmax(axis=1) == exact.argmax(axis=1))[clear].all()


@pytest.mark.parametrize("size", [1e-3, 1.0, 300.0, 20000.0])
def test_a_normalization_becomes_integers(size: float) -> None:
    layer = layer_of(FastGRNN, {"return_sequences": True}, on_grid=True)
    rng = np.random.default_rng(4)
    mean, deviation = size * rng.normal(size=FEATURES), size * rng.uniform(0.3, 1.0, FEATURES)
    raw = walk(20) * deviation + mean
    step, normalization = layer.export_step(), (mean, deviation)
    made = integer_model(step, raw, normalization=normalization)
    expected = np.asarray(layer(((raw - mean) / deviation).astype(np.float32)))
    # Raw numbers have 13 bits or more for the largest of them, which is 20 deviations here.
    assert np.abs(made.outputs(made.states(raw)) - expected).max() < 0.02


def test_states_that_grow_on_a_stream_get_the_range_for_it() -> None:
    """A gate that stays open adds nu n at every step: methods.md, E7."""
    layer = FastGRNN(4, **GATED, nu_init=0.0)
    layer.build((None, STEPS, FEATURES))
    layer.cell.bias.assign(np.stack([np.full(4, 3.0), np.full(4, 1.0)]))
    x = walk(8)
    bits = [integer_model(layer.export_step(), x, lengths=n).cell.state_bits for n in (1, 10)]
    # 24 and 240 steps of 0.5 at most: below 2^4 and 2^7.
    assert bits == [11, 8]


def test_a_limit_is_kept_in_all_its_bits() -> None:
    layer = FastGRNN(4, **GATED, nu_init=0.0, h_clip=1.5)
    layer.build((None, STEPS, FEATURES))
    layer.cell.bias.assign(np.stack([np.full(4, 3.0), np.full(4, 1.0)]))
    made = integer_model(layer.export_step(), walk(8))
    assert made.cell.state_bits == 14
    assert made.cell.to_float(made.states(walk(2, 400))).max() == 1.5


def refusals() -> list[tuple[Any, str]]:
    tanh, vector = FastGRNN(4), FastRNN(4, activation="quant_tanh", vector_alpha=True)
    half = FastGRNN(4, activation="quant_tanh")
    other = UGRNN(4)
    found = []
    for layer, message in (
        (tanh, "`activation` must be 'quant_tanh' for a step in integers alone; received 'tanh'"),
        (half, "`recurrent_activation` must be 'quant_sigmoid' or 'quant_sigmoid4'"),
        (vector, "an alpha for each unit"),
        (other, "a layer of cell 'ugrnn' has no step in integers alone: expected fast_rnn or"),
    ):
        layer.build((None, STEPS, FEATURES))
        if layer is vector:
            layer.cell.alpha_logit.assign(np.linspace(-3, -1, 4))
        found.append((layer.export_step(), message))
    return found


def test_what_integers_cannot_compute_is_one_sentence() -> None:
    for step, message in refusals():
        with pytest.raises(ValueError, match=message):
            integer_model(step, walk(3))
    step = random_step("fast_grnn", 4, FEATURES, **GATED)
    with pytest.raises(ValueError, match="inputs beyond 32767 have no int16 fixed point"):
        integer_model(step, 1e6 * walk(3))
    with pytest.raises(ValueError, match=r"a deviation of 1e-09 has no int16 beside numbers up to"):
        tiny = np.array([1e-9, *(FEATURES - 1) * [1.0]])
        integer_model(step, walk(3) * tiny, normalization=(np.zeros(FEATURES), tiny))
    broken = dataclasses.replace(step, bias=step.bias * np.nan)
    with pytest.raises(ValueError, match="weights must be finite"):
        integer_model(broken, walk(3))


def test_inputs_get_fewer_bits_where_sums_would_not_fit() -> None:
    size, rng = 300, np.random.default_rng(5)
    kernels = {
        name: (rng.choice([-2.0, 2.0], (size, size)),) for name in ("kernel", "recurrent_kernel")
    }
    step = random_step("fast_grnn", size, size, **GATED, **kernels)
    x = rng.uniform(-1, 1, (2, 3, size))
    cell = integer_model(step, x).cell
    # Full bytes times full int16 of 300 inputs and 300 states: 2 * 300 * 127 * 2^15 is above 2^31.
    assert (cell.x_bits, cell.state_bits) == (13, 14)
    assert 2**30 < cell.sums.largest() < 2**31
