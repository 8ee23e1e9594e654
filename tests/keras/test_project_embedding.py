"""Offline projections of word vectors against the same written out with NumPy's SVD."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfpipeline.compress import CompressionError, project_embedding
from tfpipeline.compress.project_embedding import METHODS

ROWS, COLUMNS = 60, 12
TABLE = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)) @ np.diag(1.5 ** -np.arange(12.0))
TABLE = (TABLE + 0.3).astype("float32")


def pca(values: np.ndarray, width: int) -> np.ndarray:
    centered = values - values.mean(axis=0)
    u, s, _ = np.linalg.svd(centered.astype(np.float64), full_matrices=False)
    return u[:, :width] * s[:width]


def without_top(values: np.ndarray, count: int) -> np.ndarray:
    """All-but-the-top, one component after the other."""
    values = (values - values.mean(axis=0)).astype(np.float64)
    _, _, vt = np.linalg.svd(values, full_matrices=False)
    for direction in vt[:count]:
        values = values - np.outer(values @ direction, direction)
    return values


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """The same but for the sign of each column."""
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-4)


def test_each_method_is_what_it_says() -> None:
    u, s, _ = np.linalg.svd(TABLE.astype(np.float64), full_matrices=False)
    same(project_embedding(TABLE, width=4, method="u"), u[:, :4])
    same(project_embedding(TABLE, width=4), u[:, :4] * s[:4])
    same(project_embedding(TABLE, width=4, method="pca"), pca(TABLE, 4))
    expected = without_top(pca(without_top(TABLE, 2), 5), 2)
    same(project_embedding(TABLE, width=5, method="raunak", removed=2), expected)
    plain = project_embedding(TABLE, width=5, method="raunak", removed=0)
    same(plain, pca(TABLE, 5))


@pytest.mark.parametrize("method", METHODS)
def test_padding_stays_and_does_not_count(method: str) -> None:
    padded = np.concatenate([np.zeros((2, COLUMNS), "float32"), TABLE])
    found = project_embedding(padded, width=9, method=method)
    assert found.dtype == np.float32 and found.shape == (ROWS + 2, 9)
    assert not found[:2].any()
    np.testing.assert_allclose(found[2:], project_embedding(TABLE, width=9, method=method))


@pytest.mark.parametrize("method", ["us", "pca"])
def test_the_full_width_only_turns_the_rows(method: str) -> None:
    found = project_embedding(TABLE, reduction=0.0, method=method).astype(np.float64)
    rows = TABLE - TABLE.mean(axis=0) if method == "pca" else TABLE
    np.testing.assert_allclose(found @ found.T, rows @ rows.T, atol=1e-4)


def test_signs_are_chosen() -> None:
    mirrored = project_embedding(TABLE * np.float32(-1), width=3)
    np.testing.assert_allclose(mirrored, -project_embedding(TABLE, width=3), atol=1e-5)


@pytest.mark.parametrize(("reduction", "width"), [(0.5, 150), (0.75, 75), (0.9, 30), (0.95, 15)])
def test_the_width_of_a_reduction_is_the_papers(reduction: float, width: int) -> None:
    table = np.random.default_rng(0).normal(size=(400, 300))
    assert project_embedding(table, reduction=reduction).shape == (400, width)


def test_a_table_without_all_of_its_directions() -> None:
    found = project_embedding(np.outer(np.arange(5.0), np.ones(4)), width=3, method="u")
    assert np.isfinite(found).all() and np.linalg.norm(found, axis=0)[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (TABLE, {}, "exactly one of width, reduction; received width=None and reduction=None"),
        (TABLE, {"width": 3, "reduction": 0.5}, "received width=3 and reduction=0.5"),
        (TABLE, {"width": 13}, "`width` must be an int from 1 to 12 for a table of 60 x 12"),
        (TABLE, {"width": True}, "received True"),
        (TABLE, {"reduction": 0.99}, "which leaves 0"),
        (TABLE, {"reduction": "0.9"}, "`reduction` must be a number"),
        (TABLE[:3], {"reduction": 0.5}, "a width from 1 to 3 of the 12 columns of 3 rows"),
        (TABLE, {"width": 3, "method": "svd"}, "`method` must be one of"),
        (TABLE, {"width": 7, "method": "raunak"}, "`removed` must be an int from 0 to 6"),
        (TABLE[0], {"width": 3}, "`table` must be numbers of the shape"),
        (np.full((3, 3), np.nan), {"width": 2}, "must hold finite numbers"),
    ],
)
def test_what_does_not_fit_is_one_sentence(table: Any, options: Any, message: str) -> None:
    with pytest.raises(CompressionError, match=message):
        project_embedding(table, **options)
