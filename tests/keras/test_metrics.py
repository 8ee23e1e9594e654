from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.metrics import explained_variance, explained_variance_rank, nu, trace_norm
from tfpipeline.metrics.spectrum import balanced_split, product_svd


@pytest.mark.parametrize(
    ("values", "expected"),
    [((3, 4), 0.96568542), ((4, 2, 1), 0.72061287), ((1, 0), 0.0), ((2, 2), 1.0), ((0, 0), 0.0)],
)
def test_nu_golden(values, expected):
    assert nu(values) == pytest.approx(expected, abs=1e-8)
    assert nu(np.diag(np.array(values, float))) == pytest.approx(expected, abs=1e-8)


def test_explained_variance_golden():
    values = (4, 2, 1, 0.5)
    np.testing.assert_allclose(
        explained_variance(values), [0.75294, 0.94118, 0.98824, 1], atol=5e-6
    )
    ranks = [explained_variance_rank(values, tau) for tau in (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)]
    assert ranks == [1, 2, 2, 3, 4, 4]


def test_a_share_reached_exactly_counts():
    # 16 of 21.25: off by one would give the next rank.
    assert explained_variance_rank((4, 2, 1, 0.5), 16 / 21.25) == 1
    assert explained_variance_rank((4, 2, 1, 0.5), 16 / 21.25 + 1e-9) == 2
    assert explained_variance_rank((1, 1, 0, 0), 1.0) == 2


def test_zero_matrix_has_rank_one():
    assert explained_variance_rank(np.zeros((3, 4)), 0.9) == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 8), st.integers(2, 8), st.floats(1e-3, 1e3), st.integers(0, 2**31))
def test_nu_does_not_depend_on_scale_and_lies_in_0_1(rows, columns, scale, seed):
    matrix = np.random.default_rng(seed).normal(size=(rows, columns))
    assert nu(scale * matrix) == pytest.approx(nu(matrix), abs=1e-9)
    assert -1e-12 <= nu(matrix) <= 1 + 1e-12
    assert nu(np.outer(matrix[:, 0], matrix[0])) == pytest.approx(0, abs=1e-7)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**31))
def test_balanced_split_attains_the_trace_norm(rows, columns, seed):
    matrix = np.random.default_rng(seed).normal(size=(rows, columns))
    left, right = balanced_split(matrix, min(rows, columns))
    np.testing.assert_allclose(left @ right, matrix, atol=1e-10)
    half_squares = 0.5 * ((left**2).sum() + (right**2).sum())
    assert half_squares == pytest.approx(trace_norm(matrix), rel=1e-9)


@pytest.mark.parametrize("shape", [(7, 3, 5), (3, 3, 9), (9, 4, 4), (5, 1, 6)])
def test_product_svd_equals_the_svd_of_the_product(shape):
    rows, rank, columns = shape
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(rows, rank)), rng.normal(size=(rank, columns))
    u, s, vt = product_svd(left, right)
    np.testing.assert_allclose((u * s) @ vt, left @ right, atol=1e-12)
    np.testing.assert_allclose(s, np.linalg.svd(left @ right, compute_uv=False)[:rank], atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nu([[1.0, 2.0]]), "at least 2 rows"),
        (lambda: nu(np.zeros((2, 2, 2))), "received shape"),
        (lambda: trace_norm([[np.nan, 1.0]]), "diverged"),
        (lambda: trace_norm([-1.0, 1.0]), "negative"),
        (lambda: explained_variance_rank(np.eye(3), 1.5), "share in"),
        (lambda: explained_variance_rank(np.eye(3), 0), "share in"),
        (lambda: explained_variance_rank(np.eye(3), True), "share in"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
