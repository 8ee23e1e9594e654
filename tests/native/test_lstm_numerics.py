"""The numpy LSTM against brute force in plain Python, against Keras' equations, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from recurrent_models import make_case

from tfpipeline.numerics.gru_options import GruOptions
from tfpipeline.numerics.lstm import lstm_sequence_float
from tfpipeline.numerics.lstm_options import LstmOptions


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def brute_force_lstm(x, h, c, w, u, bias) -> list[list[float]]:
    """One sequence, one number at a time, straight from the equations."""
    units = len(h)
    states = []
    for frame in x:
        p = [
            sum(f * w[i][j] for i, f in enumerate(frame))
            + sum(v * u[i][j] for i, v in enumerate(h))
            + bias[j]
            for j in range(4 * units)
        ]
        after = []
        for j in range(units):
            i, f, g, o = (p[gate * units + j] for gate in range(4))
            c[j] = logistic(f) * c[j] + logistic(i) * math.tanh(g)
            after.append(logistic(o) * math.tanh(c[j]))
        h = after
        states.append(h)
    return states


@pytest.mark.parametrize("go_backwards", [False, True])
def test_float_lstm_equals_brute_force(go_backwards: bool) -> None:
    rng = np.random.default_rng(0)
    x, h0, c0 = (rng.standard_normal(s) for s in ((2, 6, 3), (2, 4), (2, 4)))
    w, u, bias = (rng.standard_normal(s) for s in ((3, 16), (4, 16), (1, 16)))
    states, h, c, taps = lstm_sequence_float(x, h0, c0, (w,), (u,), bias, go_backwards=go_backwards)
    assert taps is None
    for b in range(2):
        frames = x[b, ::-1] if go_backwards else x[b]
        last_c = c0[b].tolist()
        expected = brute_force_lstm(frames.tolist(), h0[b].tolist(), last_c, w, u, bias[0])
        # float64 against float64 in another order of additions
        np.testing.assert_allclose(states[b], expected, rtol=0, atol=1e-13)
        np.testing.assert_allclose(c[b], last_c, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(h, states[:, -1])


def test_taps_are_the_inner_values() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 5, 3))
    left, right = rng.standard_normal((3, 2)), rng.standard_normal((2, 16))
    first, second = rng.standard_normal((4, 3)), rng.standard_normal((3, 16))
    bias = rng.standard_normal((1, 16))
    states, _, c, taps = lstm_sequence_float(
        x, 0.0, 0.0, (left, right), (first, second), bias, taps=True
    )
    before = np.concatenate([np.zeros((2, 1, 4)), states[:, :-1]], axis=1)
    np.testing.assert_allclose(taps.a_x, x @ left, atol=1e-13)
    np.testing.assert_allclose(taps.a_h, before @ first, atol=1e-13)
    np.testing.assert_allclose(taps.p_x, x @ left @ right + bias[0], atol=1e-13)
    np.testing.assert_allclose(taps.p_h, before @ first @ second, atol=1e-12)
    np.testing.assert_array_equal(taps.h, states)
    np.testing.assert_array_equal(taps.c[:, -1], c)
    plain = lstm_sequence_float(x, 0.0, 0.0, (left @ right,), (first @ second,), bias, taps=True)
    np.testing.assert_allclose(plain[0], states, atol=1e-12)
    assert plain[3].a_x is None and plain[3].a_h is None


def test_int8_lstm_one_step_by_hand() -> None:
    case = make_case(units=2, input_dim=3, time=1, seed=4, cell="lstm")
    w, u = case.kernel[0], case.recurrent_kernel[0]
    h0, c0 = case.first
    q = [max(-127, min(127, round(float(np.float32(v) * np.float32(127))))) for v in h0[0]]
    p = [
        sum((int(x) - 5) * int(k) for x, k in zip(case.x[0, 0], w.values[row], strict=True))
        * float(w.scales[row])
        * case.x_scale
        + sum(v * int(k) for v, k in zip(q, u.values[row], strict=True))
        * float(u.scales[row])
        / 127
        + float(case.bias[0, row])
        for row in range(8)
    ]
    _, h, c = case.reference()
    for j in range(2):
        i, f, g, o = (p[gate * 2 + j] for gate in range(4))
        expected = logistic(f) * float(c0[0, j]) + logistic(i) * math.tanh(g)
        # float32 against float64: a few roundings of numbers near 1
        assert abs(expected - c[0, j]) < 2e-6
        assert abs(logistic(o) * math.tanh(expected) - h[0, j]) < 2e-6


def test_options_differ_from_those_of_the_gru_in_their_magic_only() -> None:
    values = {"units": 96, "input_dim": 40, "rank_h": 32, "scale_a_h": 0.5, "scale_h": 0.25}
    lstm, gru = LstmOptions(**values).pack(), GruOptions(**values).pack()
    assert (lstm[:4], lstm[4:]) == (b"TFPL", gru[4:])
    assert LstmOptions.unpack(lstm) == LstmOptions(**values)
    with pytest.raises(ValueError, match="of tfpipeline.lstm must begin with b'TFPL'; got b'TFPG'"):
        LstmOptions.unpack(gru)
