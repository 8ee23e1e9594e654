"""Means of words against sums that are formed number by number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.numerics.embedding import embedding_float
from tfpipeline.numerics.embedding_mean import embedding_mean_float, embedding_mean_int8
from tfpipeline.numerics.embedding_options import EmbeddingOptions, Mean
from tfpipeline.numerics.factored import QuantizedFactor
from tfpipeline.numerics.ops import OPS


def factor(rng: np.random.Generator, rows: int, columns: int) -> QuantizedFactor:
    values = rng.integers(-128, 128, (rows, columns)).astype(np.int8)
    return QuantizedFactor(values, rng.uniform(0.01, 0.1, rows).astype(np.float32))


@given(
    sizes=st.tuples(st.integers(2, 9), st.integers(1, 12), st.integers(0, 7)),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    zero_point=st.integers(-128, 127),
    mean=st.sampled_from([Mean.PLAIN, Mean.MASKED]),
    seed=st.integers(0, 99),
)
def test_means_and_their_products(
    sizes: tuple[int, int, int], shape: tuple[int, ...], zero_point: int, mean: Mean, seed: int
) -> None:
    vocabulary, width, units = sizes
    rng = np.random.default_rng(seed)
    table = factor(rng, vocabulary, width)
    product = factor(rng, units, width) if units else None
    ids = rng.integers(0, vocabulary, shape)
    exact = np.zeros((*shape[:-1], units or width))
    for place in np.ndindex(*shape[:-1]):
        words = [i for i in ids[place] if mean == Mean.PLAIN or i != 0]
        for i in words:
            row = table.values[i] * float(table.scales[i])
            if product is not None:
                row = product.values.astype(float) @ row * product.scales
            exact[place] += row / len(words)
    found = embedding_mean_float(ids, table, product, mean=mean)
    assert found.dtype == np.float32 and found.shape == exact.shape
    # Two dozen float32 roundings of numbers up to 12.8, and with a product up to 2,000.
    np.testing.assert_allclose(found, exact, atol=2e-3 if units else 1e-5)
    levels = embedding_mean_int8(
        ids, table, product, mean=mean, y_scale=0.25, y_zero_point=zero_point
    )
    wanted = np.clip(exact / 0.25 + zero_point, -128, 127)
    # Half a level, and what float32 moves at a tie.
    assert np.abs(levels - wanted).max() <= 0.51


def test_the_mean_of_one_word_is_its_row() -> None:
    table = factor(np.random.default_rng(0), 6, 5)
    ids = np.arange(6)
    rows = embedding_float(ids, table)
    for mean in (Mean.PLAIN, Mean.MASKED):
        found = embedding_mean_float(ids[:, None], table, mean=mean)
        np.testing.assert_array_equal(found[1:], rows[1:])
    padded = np.stack([ids, np.zeros_like(ids)], axis=1)
    found = embedding_mean_float(padded, table, mean=Mean.MASKED_OR_NAN)
    np.testing.assert_array_equal(found[1:], rows[1:])
    assert np.isnan(found[0]).all()
    assert not embedding_mean_float([[0, 0]], table, mean=Mean.MASKED).any()


def test_words_are_added_in_their_order() -> None:
    table = QuantizedFactor(np.int8([[1], [1], [-1]]), np.float32([1, 2.0**30, 2.0**30]))
    found = embedding_mean_float([[0, 1, 2], [1, 2, 0]], table, mean=Mean.PLAIN)
    np.testing.assert_array_equal(found, np.float32([[0], [np.float32(1) / 3]]))


def test_int8_has_no_nan() -> None:
    table = factor(np.random.default_rng(0), 6, 5)
    with pytest.raises(ValueError, match="int8, which has no NaN"):
        embedding_mean_int8([[1]], table, mean=Mean.MASKED_OR_NAN, y_scale=1.0, y_zero_point=0)


@pytest.mark.parametrize("ids", [[[0, 6]], [[-1, 0]]])
def test_ids_that_are_no_rows(ids: list[list[int]]) -> None:
    table = factor(np.random.default_rng(0), 6, 5)
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 5\]"):
        embedding_mean_float(ids, table, mean=Mean.MASKED)


def test_a_mean_is_an_option_of_the_op() -> None:
    averages = OPS["tfpipeline.embedding"].averages
    assert averages(EmbeddingOptions(5, 3, mean=Mean.PLAIN)) and not averages(
        EmbeddingOptions(5, 3)
    )
    with pytest.raises(ValueError, match=r"mean must be one of \[0, 1, 2, 3\]; got 4"):
        EmbeddingOptions(5, 3, mean=4)
