"""Words that share rows: which ones, what stays, and what it costs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.compress import (
    CompressionError,
    cluster_rows,
    factorize_embedding,
    fold_embedding,
    prune_rows,
)
from tfpipeline.compress.model_size import bytes_of
from tfpipeline.layers import MappedRows

pytestmark = pytest.mark.slow

WORDS, WIDTH = 41, 6
X = np.random.default_rng(0).integers(0, WORDS, (8, 5)).astype("int32")


def values(layer: Any) -> list[np.ndarray]:
    return [ops.convert_to_numpy(weight) for weight in layer.weights]


def outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(model(x))


def grouped(groups: int = 5, spread: float = 0.01) -> tuple[keras.Model, np.ndarray]:
    """Words in groups of nearly the same row, and padding, which is nearly the first of them."""
    keras.utils.set_random_seed(0)
    words = keras.layers.Embedding(WORDS, WIDTH, name="words", mask_zero=True)
    layers = [words, keras.layers.GRU(5, name="gru"), keras.layers.Dense(3, name="scores")]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    rng = np.random.default_rng(1)
    group = rng.integers(0, groups, WORDS)
    centers = rng.normal(size=(groups, WIDTH))
    centers[group[1]] = 0.0
    table = centers[group] + spread * rng.normal(size=(WORDS, WIDTH))
    table[0] = 0.0
    words.embeddings.assign(table)
    return model, group


def test_groups_share_their_mean_and_padding_does_not() -> None:
    model, group = grouped()
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=JIT)
    model.fit(X, np.arange(8) % 3, epochs=1, verbose=0)
    table = values(model.get_layer("words"))[0].astype(np.float64)
    small, report = cluster_rows(model, clusters=6)
    assert report.rows_after == 6 and report.kept_ids is None and report.new_ids[0] == 0
    assert (report.new_ids[1:] > 0).all()
    pairs = {*zip(group[1:], report.new_ids[1:], strict=True)}
    assert len(pairs) == 5
    words = small.get_layer("words")
    rows = values(words.layer)[0]
    for row in range(6):
        np.testing.assert_allclose(rows[row], table[report.new_ids == row].mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(ops.convert_to_numpy(words.row_of), report.new_ids)
    for name in ("gru", "scores"):
        for a, b in zip(values(model.get_layer(name)), values(small.get_layer(name)), strict=True):
            np.testing.assert_array_equal(a, b)
    assert int(small.optimizer.iterations) == 1
    lost = np.linalg.norm(table - rows[report.new_ids]) / np.linalg.norm(table)
    assert report.relative_error == pytest.approx(lost, rel=1e-4) and 0 < lost < 0.02
    assert report.covered is None and report.counted_error is None
    small.fit(X, np.arange(8) % 3, epochs=1, verbose=0)
    again, same = cluster_rows(model, clusters=6)
    np.testing.assert_array_equal(same.new_ids, report.new_ids)
    with pytest.raises(CompressionError, match="rows of 'words/embeddings' are means"):
        report.shrink(["word"] * WORDS)


def test_a_row_for_each_is_the_same_model() -> None:
    model, _ = grouped(spread=1.0)
    small, report = cluster_rows(model, clusters=WORDS)
    assert report.relative_error == 0 and report.new_ids.tolist() == list(range(WORDS))
    np.testing.assert_array_equal(outputs(small, X), outputs(model, X))


def test_frequent_words_pull_their_mean() -> None:
    model, _ = grouped(groups=1, spread=1.0)
    table = values(model.get_layer("words"))[0].astype(np.float64)
    counts = np.zeros(WORDS)
    counts[7] = 99.0
    small, report = cluster_rows(model, clusters=2, counts=counts)
    expected = np.average(table[1:], axis=0, weights=1 + counts[1:])
    np.testing.assert_allclose(values(small.get_layer("words").layer)[0][1], expected, atol=1e-6)
    _, even = cluster_rows(model, clusters=2)
    assert report.counted_error is not None and report.counted_error < even.relative_error
    assert report.covered == 0.0


def test_a_budget_holds_and_is_used() -> None:
    model, _ = grouped(spread=1.0)
    for bits, budget in ((8, 500), (4, 360), (32, 1200)):
        small, report = cluster_rows(model, budget_bytes=budget, weight_bits=bits)
        taken = bytes_of(small, {}, bits)({})
        # Another row would not fit.
        assert taken <= budget < taken + -(-WIDTH * bits // 8)
        assert report.rows_after < WORDS
    without, report = cluster_rows(model, budget_bytes=500, map_in_model=False)
    mapped, other = cluster_rows(model, budget_bytes=500 + WORDS)
    assert report.rows_after == other.rows_after and report.map_bits == 0
    np.testing.assert_array_equal(outputs(without, report.new_ids[X]), outputs(mapped, X))


def test_factors_are_compared_as_the_rows_that_they_make() -> None:
    model, group = grouped()
    cut, _ = factorize_embedding(model, rank="full")
    # One factor blown up along a direction that the other makes small.
    words = cut.get_layer("words")
    scale = np.array([100.0, 1, 1, 1, 1, 1], "float32")
    words.left.assign(ops.convert_to_numpy(words.left) * scale)
    words.right.assign(ops.convert_to_numpy(words.right) / scale[:, None])
    _, expected = cluster_rows(model, clusters=6)
    small, report = cluster_rows(cut, clusters=6)
    np.testing.assert_array_equal(report.new_ids, expected.new_ids)
    assert report.relative_error == pytest.approx(expected.relative_error, rel=1e-2)
    direct, _ = cluster_rows(model, clusters=6)
    np.testing.assert_allclose(outputs(small, X), outputs(direct, X), atol=1e-4)


def test_pruned_clustered_factorized_and_folded() -> None:
    model, _ = grouped(spread=0.5)
    kept, first = prune_rows(model, ids=X, keep=30)
    shared, report = cluster_rows(kept, clusters=12, ids=X)
    # Words that were pruned still read what the unknown one does, and padding is alone.
    rare = ~np.isin(np.arange(WORDS), first.kept_ids)
    assert set(report.new_ids[rare]) == {report.new_ids[1]}
    assert (report.new_ids == report.new_ids[0]).sum() == 1
    small, _ = factorize_embedding(shared, rank=3)
    folded = fold_embedding(small)
    words = folded.get_layer("words")
    assert type(words) is MappedRows and tuple(words.layer.embeddings.shape) == (12, 3)
    np.testing.assert_allclose(outputs(folded, X), outputs(small, X), atol=1e-5)
    assert folded.count_params() < small.count_params() < shared.count_params()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of clusters, budget_bytes; received clusters=None"),
        ({"clusters": 5, "budget_bytes": 900}, "received clusters=5 and budget_bytes=900"),
        ({"clusters": 1}, "`clusters` must be an int from 2 to 41, the rows of 'words/embeddings'"),
        ({"clusters": 42}, "received 42"),
        ({"clusters": 5.0}, "received 5.0"),
        ({"clusters": 5, "seed": -1}, "`seed` must be an int of at least 0"),
        ({"clusters": 5, "padding": 3}, "`padding` must be 0, which 'words' masks"),
        ({"clusters": 5, "ids": 0 * X}, "leave both out to let all rows weigh the same"),
        ({"budget_bytes": 300}, "`budget_bytes` must be an int of at least"),
        ({"budget_bytes": 900, "weight_bits": 0}, "`weight_bits` must be an int"),
        ({"clusters": 5, "layer": "gru"}, "received 'gru', and it has 'words'"),
    ],
)
def test_what_cannot_be_clustered_says_why(options: Any, message: str) -> None:
    with pytest.raises(CompressionError, match=message):
        cluster_rows(grouped()[0], **options)
