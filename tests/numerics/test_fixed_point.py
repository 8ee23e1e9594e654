"""gemmlowp's fixed-point functions in numpy: their bits, and how near they are to the real ones."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.numerics.fixed_point import (
    apply_scale,
    checked_log2,
    fixed_scale,
    inverse_sqrt_scale,
    sigmoid_fixed,
    tanh_fixed,
)

ALL_WORDS = np.arange(-32768, 32768)
#: Of what gemmlowp's own headers give for all numbers, as int16: tests/native/test_gemmlowp.py.
GOLDEN = [
    "44168980e98373fc",
    "7dfff607d0ea23f2",
    "fb776c014fac7629",
    "ad9e4552d55f09f5",
    "6d2c95677d4eb6e2",
    "22e8b026529f3977",
    "4aad698c1ba273d4",
    "fd771a11c73c2d13",
]


def digest(values: np.ndarray) -> str:
    return hashlib.sha256(values.astype("<i2").tobytes()).hexdigest()[:16]


def test_functions_have_golden_bits() -> None:
    found = [sigmoid_fixed(ALL_WORDS), *(tanh_fixed(ALL_WORDS, bits) for bits in range(7))]
    assert [digest(values) for values in found] == GOLDEN


def test_fixed_functions_are_near_the_real_ones() -> None:
    """The error that gemmlowp states for 16 bits is a few units in the last place."""
    x = ALL_WORDS / 2.0**12
    assert np.abs(sigmoid_fixed(ALL_WORDS) / 2.0**15 - 1 / (1 + np.exp(-x))).max() < 2.0**-12
    for bits in range(7):
        real = np.tanh(ALL_WORDS / 2.0 ** (15 - bits))
        assert np.abs(tanh_fixed(ALL_WORDS, bits) / 2.0**15 - real).max() < 2.0**-11


@pytest.mark.parametrize("value", [*range(1, 40), 255, 2**20, 2**29 - 1, 2**29, 2**31 - 1])
def test_inverse_sqrt_is_near_the_real_one(value: int) -> None:
    mantissa, shift = inverse_sqrt_scale(value)
    assert mantissa / 2.0**31 * 2.0**shift == pytest.approx(value**-0.5, rel=2e-4)


@given(value=st.integers(-(2**31), 2**31 - 1), factor=st.floats(2.0**-31, 0.999))
def test_a_scale_is_a_product(value: int, factor: float) -> None:
    # Half a unit from each rounding, and what 31 bits leave of the factor.
    scaled = int(apply_scale(value, fixed_scale(factor)))
    assert abs(scaled - value * factor) <= 1.0 + abs(value) * 2.0**-31


@pytest.mark.parametrize("sign", [1, -1])
def test_halves_round_away_from_zero_behind_the_point(sign: int) -> None:
    assert fixed_scale(0.25) == (2**30, -1)
    assert [int(apply_scale(sign * v, (2**30, -1))) for v in (1, 2, 3, 4, 5, 6)] == {
        # First half up, then half away from zero.
        1: [1, 1, 1, 1, 2, 2],
        -1: [0, -1, -1, -1, -1, -2],
    }[sign]


def test_tiny_factors_are_zero() -> None:
    assert fixed_scale(0.0) == fixed_scale(2.0**-33) == (0, 0)
    assert fixed_scale(2.0**-32) == (2**30, -31)
    assert int(apply_scale(2**30, fixed_scale(2.0**-33))) == 0


def test_a_shift_to_the_left_wraps_around() -> None:
    assert int(apply_scale(2**30, fixed_scale(4.0))) == 0


def test_a_scale_of_the_cell_is_a_power_of_two() -> None:
    assert checked_log2(2.0**-11) == -11
    with pytest.raises(ValueError, match="must be a power of two; got 0.3"):
        checked_log2(0.3)
