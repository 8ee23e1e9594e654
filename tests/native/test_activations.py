"""Gate functions: error bound against float64, and their exact values at landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from tfpipeline.numerics.activations import (
    MAX_ABSOLUTE_ERROR,
    exp2,
    hard_sigmoid,
    hard_tanh,
    sigmoid,
    tanh,
)


def dense_floats(limit: float, step: int) -> np.ndarray:
    """Every `step`-th float32 from the smallest to `limit`, and their negatives."""
    top = np.float32(limit).view(np.int32)
    positive = np.arange(1, int(top), step, dtype=np.int32).view(np.float32)
    return np.concatenate([-positive, positive])


@pytest.mark.parametrize("step", [997, 1009])
def test_error_bound_over_many_floats(step: int) -> None:
    x = dense_floats(120.0, step)
    exact = x.astype(np.float64)
    with np.errstate(over="ignore"):
        assert np.abs(sigmoid(x) - 1 / (1 + np.exp(-exact))).max() <= MAX_ABSOLUTE_ERROR
    assert np.abs(tanh(x) - np.tanh(exact)).max() <= MAX_ABSOLUTE_ERROR


def test_error_bound_where_gates_work() -> None:
    # Evenly spaced, where both functions bend: the worst errors lie here.
    x = np.linspace(-18, 18, 2_000_001).astype(np.float32)
    exact = x.astype(np.float64)
    assert np.abs(sigmoid(x) - 1 / (1 + np.exp(-exact))).max() <= 1.1e-7
    assert np.abs(tanh(x) - np.tanh(exact)).max() <= 1.5e-7


def test_exp2_relative_error() -> None:
    y = np.linspace(-43, 43, 1_000_001).astype(np.float32)
    assert np.abs(exp2(y) / np.exp2(y.astype(np.float64)) - 1).max() <= 2.5e-7


def test_landmarks_are_exact() -> None:
    assert sigmoid(0.0) == 0.5 and tanh(0.0) == 0.0
    assert np.signbit(tanh(np.float32(-0.0)))
    np.testing.assert_array_equal(tanh([100.0, -100.0, 3e38, -3e38]), [1, -1, 1, -1])
    np.testing.assert_array_equal(sigmoid([40.0, 3e38]), [1, 1])
    # The clamp keeps the small end above the subnormal numbers.
    assert sigmoid(-3e38) == np.float32(2.0**-43)


def test_tanh_is_odd_and_both_are_bounded() -> None:
    x = dense_floats(50.0, 4999)
    np.testing.assert_array_equal(tanh(-x), -tanh(x))
    assert np.abs(tanh(x)).max() <= 1.0
    assert sigmoid(x).min() > 0.0 and sigmoid(x).max() <= 1.0


def test_piecewise_linear_functions_are_those_of_keras() -> None:
    x = np.concatenate([dense_floats(10.0, 4999), [-3, 3, -1, 1, 0]]).astype(np.float32)
    exact = np.clip(x.astype(np.float64) / 6 + 0.5, 0, 1)
    # Three roundings of numbers up to 1: the slope, the product and the sum.
    assert np.abs(hard_sigmoid(x) - exact).max() <= 1.2e-7
    np.testing.assert_array_equal(hard_sigmoid([-3e38, -3.0, 0.0, 3.0, 3e38]), [0, 0, 0.5, 1, 1])
    np.testing.assert_array_equal(hard_tanh(x), np.clip(x, -1, 1))


def test_known_bits() -> None:
    # Pins the sequence of operations: a changed coefficient or order changes these.
    x = np.array([0.1, 1.0, -2.5, 7.0], np.float32)
    assert sigmoid(x).tobytes().hex() == KNOWN_SIGMOID
    assert tanh(x).tobytes().hex() == KNOWN_TANH


KNOWN_SIGMOID = "0965063fa7263b3f885b9b3d4cc47f3f"
KNOWN_TANH = "bf1ecc3dd5f7423fc1927cbfe4ff7f3f"
