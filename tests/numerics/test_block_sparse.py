"""Blocks of zeros, found and put back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.numerics.block_sparse import (
    decode_blocks,
    encode_blocks,
    pad_scales,
    pad_to_blocks,
    stored_blocks,
)


def test_a_matrix_of_two_parts_by_hand() -> None:
    values = np.zeros((10, 6), np.int8)  # two parts of five rows, two columns of blocks
    values[0, 5], values[7, 1] = 3, -4
    sparse = encode_blocks(values, 2)
    assert sparse.shape == (16, 8) and sparse.segments.tolist() == [0, 1, 2]
    assert sparse.indices.tolist() == [1, 0] and sparse.macs == 64 and sparse.density == 0.5
    assert sparse.blocks[0, 0].tolist() == [0, 3, 0, 0]
    assert sparse.blocks[1, 2].tolist() == [0, -4, 0, 0]
    assert pad_scales([1, 2, 3, 4], 2).tolist() == [1, *[2] * 7, 3, *[4] * 7]


@given(
    st.integers(1, 3), st.integers(1, 20), st.integers(1, 20), st.floats(0, 1), st.integers(0, 99)
)
def test_they_come_back(parts: int, rows: int, depth: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-127, 128, (parts * rows, depth)).astype(np.int8)
    values[rng.random(values.shape) < share] = 0
    sparse = encode_blocks(values, parts)
    sparse.check()
    np.testing.assert_array_equal(decode_blocks(sparse, parts * rows, depth, parts), values)
    blocks = pad_to_blocks(values, parts).reshape(-1, 8, sparse.columns, 4)
    np.testing.assert_array_equal(stored_blocks(values, parts), blocks.any(axis=(1, 3)))


def test_of_zeros_one_block_is_stored() -> None:
    sparse = encode_blocks(np.zeros((9, 9), np.int8))
    assert sparse.blocks.shape == (1, 8, 4) and not decode_blocks(sparse, 9, 9).any()


def test_what_is_no_matrix_is_refused() -> None:
    good = encode_blocks(np.ones((16, 8), np.int8))
    for change, message in (
        ({"segments": [1, 2, 4]}, "segments must go from 0"),
        ({"segments": [0, 5, 4]}, "must ascend"),
        ({"indices": [0, 2, 0, 1]}, "must lie below 2"),
        ({"indices": [1, 0, 0, 1]}, "must ascend within"),
        ({"blocks": good.blocks[:3]}, "blocks must be"),
    ):
        arrays = {n: v if n == "blocks" else np.array(v, np.int32) for n, v in change.items()}
        with pytest.raises(ValueError, match=message):
            replace(good, **arrays).check()
    with pytest.raises(ValueError, match="is not what"):
        decode_blocks(good, 17, 8)
    with pytest.raises(ValueError, match="2 equal parts"):
        pad_to_blocks(np.ones((9, 4), np.int8), 2)
