"""The projections of iterative hard thresholding, against loops."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfpipeline.callbacks.hard_threshold import kept_weights
from tfpipeline.numerics.hard_threshold import hard_threshold_mask, threshold_index

GOLDEN = np.array([[0.1, -0.5, 0.3], [0.05, 0.9, -0.2]], np.float32)


def in_graph(matrix, *arguments):
    """The same of the Keras kernel, which is the transpose."""
    return keras.ops.convert_to_numpy(kept_weights(keras.ops.array(matrix.T), *arguments)).T


@pytest.mark.parametrize("mask", [hard_threshold_mask, in_graph])
def test_golden(mask):
    kept = mask(GOLDEN, 0.5)
    assert GOLDEN[kept].tolist() == np.float32([-0.5, 0.3, 0.9]).tolist()
    assert np.abs(GOLDEN[kept]).min() == np.float32(0.3)
    assert mask(GOLDEN, 1.0).all()
    assert GOLDEN[mask(GOLDEN, 0.01)].tolist() == [np.float32(0.9)]


@given(st.integers(1, 400), st.floats(0.001, 1.0), st.integers(0, 99))
@example(11, 0.7, 0)  # where 100 (1 - 0.7) is not quite 30
def test_the_threshold_is_the_percentile(count, density, seed):
    scores = np.random.default_rng(seed).normal(size=count)
    expected = np.percentile(scores, 100 * (1 - density), method="higher")
    assert np.sort(scores)[threshold_index(count, density)] == expected
    assert 1 <= (scores >= expected).sum() <= math.ceil(density * count)


def brute_force(matrix, density, block, gates):
    """Score all blocks, one after another."""
    rows, depth = matrix.shape
    units = rows // gates
    parts = []
    for gate in range(gates):
        for top in range(0, units, block[0]):
            for left in range(0, depth, block[1]):
                bottom = min(top + block[0], units)
                own = slice(gate * units + top, gate * units + bottom)
                parts.append((own, slice(left, left + block[1])))
    energies = [sum(float(w) ** 2 for w in matrix[part].ravel()) for part in parts]
    threshold = np.percentile(energies, 100 * (1 - density), method="higher")
    kept = np.zeros(matrix.shape, bool)
    for part, energy in zip(parts, energies, strict=True):
        kept[part] = energy >= threshold
    return kept


# Keras compiles an operation anew for each shape on JAX.
@settings(max_examples=60 if keras.backend.backend() == "tensorflow" else 5, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 20),
    st.integers(1, 37),
    st.sampled_from([(1, 1), (1, 16), (8, 4), (3, 5)]),
    st.sampled_from([0.05, 0.1, 0.3, 0.5, 0.7, 1.0]),
    st.booleans(),
    st.integers(0, 99),
)
def test_blocks_are_those_of_a_loop(gates, units, depth, block, density, ties, seed):
    # Squares of small integers are exact, and many of their sums are equal.
    rng = np.random.default_rng(seed)
    low, high = (-2, 3) if ties else (-999, 1000)
    matrix = rng.integers(low, high, (gates * units, depth)).astype(np.float32)
    expected = brute_force(matrix, density, block, gates)
    np.testing.assert_array_equal(hard_threshold_mask(matrix, density, block, gates), expected)
    np.testing.assert_array_equal(in_graph(matrix, density, block, gates), expected)
    if block == (1, 1):
        np.testing.assert_array_equal(hard_threshold_mask(matrix, density), expected)
        np.testing.assert_array_equal(in_graph(matrix, density), expected)


def test_inputs_of_a_convolution_lie_as_in_the_file():
    kernel = np.random.default_rng(0).normal(size=(3, 5, 4, 10)).astype(np.float32)
    kept = keras.ops.convert_to_numpy(kept_weights(keras.ops.array(kernel), 0.3, (8, 4)))
    matrix = kernel.reshape(60, 10).T
    expected = hard_threshold_mask(matrix, 0.3, (8, 4))
    np.testing.assert_array_equal(kept, expected.T.reshape(kernel.shape))
