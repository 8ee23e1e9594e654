"""Weights of few bits in NumPy, against golden vectors, brute force and what papers prove."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tfpipeline.numerics import low_bit

GOLDEN = np.array([[0.9], [-0.1], [0.3], [-0.6]])
MATRICES = arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 3)),
    elements=st.floats(-2, 2).map(lambda x: round(x, 3)),
)


def error(w: np.ndarray, codes: low_bit.Codes) -> float:
    return float(np.square(w - codes.values()).sum())


def test_golden_vectors() -> None:
    assert low_bit.bwn(GOLDEN).scale == pytest.approx(0.475)
    assert low_bit.bwn(GOLDEN).integers.ravel().tolist() == [1, -1, 1, -1]
    assert low_bit.twn(GOLDEN).scale == pytest.approx(0.75)
    assert low_bit.twn(GOLDEN).values().ravel() == pytest.approx([0.75, 0, 0, -0.75])
    # 0.3325 lies between 0.3 and 0.6.
    assert low_bit.TERNARY_THRESHOLD * low_bit.bwn(GOLDEN).scale == pytest.approx(0.3325)
    assert low_bit.ter_connect(GOLDEN).values().ravel().tolist() == [1, 0, 0, -1]
    greedy = low_bit.alternating(GOLDEN, bits=2, rounds=0)
    assert greedy.scale.ravel() == pytest.approx([0.475, 0.275])
    assert error(GOLDEN, greedy) == pytest.approx(0.065)


def test_zero_is_positive() -> None:
    w = np.array([[0.0, -0.0], [1.0, -1.0]])
    for codes in (low_bit.binary_connect(w), low_bit.bwn(w), low_bit.sbn(w, 0.5)):
        assert codes.integers.tolist() == [[1, 1], [1, -1]]


@given(MATRICES)
def test_bwn_is_the_nearest_of_all_binary_matrices(w: np.ndarray) -> None:
    """For given signs the best scale is the mean of signs times weights."""
    best = np.inf
    for chosen in itertools.product((1, -1), repeat=min(w.size, 8)):
        b = np.resize(chosen, w.shape)
        best = min(best, np.square(w - max((b * w).mean(), 0) * b).sum())
    assert error(w, low_bit.bwn(w)) <= best + 1e-9


@given(MATRICES, st.integers(0, 1000))
def test_lab_is_the_nearest_where_errors_are_weighted(w: np.ndarray, seed: int) -> None:
    moment = np.random.default_rng(seed).uniform(0.1, 2, w.shape)
    codes = low_bit.lab(w, moment)

    def weighted(scale: float) -> float:
        return float((np.sqrt(moment) * np.square(w - scale * codes.integers)).sum())

    assert weighted(codes.scale) <= min(weighted(codes.scale + d) for d in (1e-3, -1e-3)) + 1e-12
    assert low_bit.lab(w, np.full_like(w, 3.0)).scale == pytest.approx(low_bit.bwn(w).scale)


@given(MATRICES, st.integers(0, 1000))
def test_lat_is_a_fixed_point(w: np.ndarray, seed: int) -> None:
    moment = np.random.default_rng(seed).uniform(0.1, 2, w.shape)
    codes, alpha = low_bit.lat(w, moment)
    np.testing.assert_array_equal(codes, (w > alpha / 2).astype(int) - (w < -alpha / 2))
    kept = np.abs(codes) * np.sqrt(moment)
    if kept.sum() > 0:
        assert (kept * np.abs(w)).sum() / kept.sum() == pytest.approx(alpha, abs=2e-6)


def test_lat_of_equal_weights_is_a_ternary_matrix_that_no_change_of_one_code_improves() -> None:
    w = np.random.default_rng(3).normal(size=(9, 4))
    codes = low_bit.lat(w, np.ones_like(w))
    least = error(w, codes)
    for index in np.ndindex(w.shape):
        for value in (-1, 0, 1):
            changed = codes.integers.copy()
            changed[index] = value
            assert error(w, low_bit.Codes(changed, codes.scale)) >= least - 1e-9
    assert 0 < (codes.integers == 0).mean() < 1


@given(MATRICES)
def test_twn_scale_is_the_best_for_its_codes(w: np.ndarray) -> None:
    codes, alpha = low_bit.twn(w)
    if np.any(codes):
        assert alpha == pytest.approx((codes * w).sum() / np.abs(codes).sum())


@given(MATRICES, st.integers(1, 3))
def test_alternating_falls_with_rounds_and_bits(w: np.ndarray, bits: int) -> None:
    errors = [error(w, low_bit.alternating(w, bits, rounds)) for rounds in range(4)]
    # The ridge of least squares moves a scale by a millionth.
    assert all(b <= a + 1e-5 for a, b in itertools.pairwise(errors))
    greedy = [error(w, low_bit.alternating(w, bits + more, 0)) for more in range(2)]
    assert greedy[1] <= greedy[0] + 1e-9


def test_one_bit_of_alternating_is_bwn_of_each_column() -> None:
    w = np.random.default_rng(0).normal(size=(7, 3))
    codes = low_bit.alternating(w, bits=1)
    for column in range(3):
        alone = low_bit.bwn(w[:, [column]])
        np.testing.assert_allclose(codes.values()[:, [column]], alone.values(), rtol=2e-6)


def test_alternating_takes_the_nearest_level() -> None:
    w = np.random.default_rng(1).normal(size=(30, 2))
    codes = low_bit.alternating(w, bits=3, rounds=2)
    for column in range(2):
        alpha = codes.scale[:, 0, column]
        levels = [np.dot(alpha, b) for b in itertools.product((1, -1), repeat=3)]
        found = codes.values()[:, column]
        expected = [min(levels, key=lambda level, x=x: abs(level - x)) for x in w[:, column]]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_stochastic_scale_and_likelier_codes() -> None:
    assert low_bit.stochastic_scale(100, 400) == pytest.approx(0.5 * (6 / 500) ** 0.5)
    w = np.array([[0.5, -0.1, 0.04, -0.3]])
    assert low_bit.stn(w, 0.2).values().ravel() == pytest.approx([0.2, 0, 0, -0.2])
    assert low_bit.sbn(w, 0.2).values().ravel() == pytest.approx([0.2, -0.2, 0.2, -0.2])
