"""Matrices without their zeros."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.numerics.masked import masked_size, pack_masked, unpack_masked


def test_bits_come_first_and_numbers_follow() -> None:
    values = np.array([[0, 5, 0], [-1, 0, 0], [0, 0, -127]], np.int8)
    assert pack_masked(values).tolist() == [0b00001010, 0b1, 5, 255, 129]
    assert masked_size(values) == 5


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 99))
def test_they_come_back(rows: int, columns: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-127, 128, (rows, columns)).astype(np.int8)
    values[rng.random(values.shape) < share] = 0
    stored = pack_masked(values)
    assert stored.dtype == np.uint8 and len(stored) == masked_size(values)
    np.testing.assert_array_equal(unpack_masked(stored, values.shape), values)
    flipped = stored.copy()
    flipped[0] ^= 1
    behind = stored.copy()
    behind[-(-values.size // 8) - 1] |= 0x80  # behind the last number unless it is the eighth
    for bad in (stored[:-1], np.append(stored, 1), flipped, *([behind] * (values.size % 8 > 0))):
        with pytest.raises(ValueError, match="`stored` must hold a bit for each of"):
            unpack_masked(bad, values.shape)
