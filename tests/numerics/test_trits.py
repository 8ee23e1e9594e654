"""Ternary matrices, five numbers a byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.numerics.trits import are_smaller, pack_trits, unpack_trits


def test_digits_to_base_three_the_first_one_lowest() -> None:
    values = np.array([[-1] * 6, [1] * 6, [0, 1, -1, 0, 0, 1]], np.int8)
    stored = pack_trits(values)
    # 0 behind the end is the digit 1: 1 * (3 + 9 + 27 + 81) = 120.
    assert stored.tolist() == [[0, 120], [242, 122], [1 + 2 * 3 + 27 + 81, 122]]
    assert stored.dtype == np.uint8


@given(st.integers(1, 9), st.integers(1, 24), st.integers(0, 99))
def test_they_come_back(rows: int, depth: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-1, 2, (rows, depth)).astype(np.int8)
    stored = pack_trits(values)
    np.testing.assert_array_equal(unpack_trits(stored, depth), values)
    np.testing.assert_array_equal(unpack_trits(stored.view(np.int8), depth), values)
    assert are_smaller(values) == (-(-depth // 5) < -(-depth // 4))
    values[0, 0] = -2
    assert not are_smaller(values)
    with pytest.raises(ValueError, match="`values` must be -1, 0 and 1; got \\[-2, "):
        pack_trits(values)
    stored[-1, -1] = 243
    with pytest.raises(ValueError, match="bytes up to 242"):
        unpack_trits(stored, depth)
    with pytest.raises(ValueError, match="got rows of"):
        unpack_trits(stored[:, :0], depth)
