"""Which tables of low rank have scales of columns in 8 bits, and what that costs."""

from __future__ import annotations

import numpy as np
import pytest

from tfpipeline.export.lower.column_scales import (
    column_table,
    columns_replace_rows,
    even_padding,
)


def factors(width: int, spread: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a table of 50 rows of different size, and a matrix of 20 outputs."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(50, width)) * np.exp(rng.normal(0, spread, (50, 1)))
    return table.astype(np.float32), rng.normal(size=(20, width)).astype(np.float32)


@pytest.mark.parametrize("width", [1, 3, 8, 9, 30])
def test_the_product_is_that_of_a_table_rounded_by_columns(width: int) -> None:
    table, matrix = factors(width)
    found = column_table(table, matrix)
    steps = np.abs(table).max(axis=0) / 127
    expected = (np.rint(table / steps) * steps) @ matrix.T
    np.testing.assert_allclose(found.codes @ found.matrix.T, expected, rtol=1e-4, atol=1e-5)
    assert found.codes.dtype == np.int8 and found.matrix.dtype == np.float32
    assert np.abs(found.codes).max() == 127


def test_columns_of_zeros_stay_zeros() -> None:
    table, matrix = factors(4)
    table[:, 2] = 0
    found = column_table(table, matrix)
    assert not found.codes[:, 2].any() and np.abs(found.matrix[:, 2]).max() < 1e-9


@pytest.mark.parametrize("width", range(1, 33))
def test_they_never_take_more_bytes(width: int) -> None:
    table, matrix = factors(width)
    four_bits_and_scale = -(-width // 2) + 4
    # A row of one number is its scale, so that nothing is more exact.
    assert columns_replace_rows(table, matrix, 4) == (1 < width <= 8)
    if width <= 8:
        assert width + even_padding(width) <= four_bits_and_scale


def test_rows_of_very_different_size_keep_a_scale_each() -> None:
    assert columns_replace_rows(*factors(6, spread=0.5), 4)
    assert not columns_replace_rows(*factors(6, spread=2.5), 4)


def test_they_replace_no_other_bits() -> None:
    table, matrix = factors(4)
    assert not columns_replace_rows(table, matrix, 8)
    assert not columns_replace_rows(np.sign(table), matrix, 2)


def test_a_table_of_zeros_is_no_error() -> None:
    assert columns_replace_rows(np.zeros((5, 4), np.float32), np.ones((3, 4), np.float32), 4)


def test_exact_is_measured_on_products() -> None:
    """A column that the matrix nearly ignores decides nothing."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 2)).astype(np.float32)
    # The first column has rows of very different size: by columns, short ones become nothing.
    table[:, 0] *= np.exp(rng.normal(0, 3, 50))
    table[:, 1] = table[:, 0] * 1e-3 + table[:, 1]
    assert not columns_replace_rows(table, np.array([[1.0, 0.0]], np.float32), 4)
    assert columns_replace_rows(table, np.array([[0.0, 1.0]], np.float32), 4)
