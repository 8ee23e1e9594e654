"""Rare words without rows of their own: the same model where nothing changed, and new ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.compress import CompressionError, factorize_embedding, prune_rows
from tfpipeline.layers import FactoredEmbedding, MappedRows
from tfpipeline.loading import load_model

pytestmark = pytest.mark.slow

WORDS, WIDTH = 40, 8


def text_model(**options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    words = keras.layers.Embedding(WORDS, WIDTH, name="words", mask_zero=True, **options)
    x = keras.Input((None,), dtype="int32")
    rows = words(x)
    outputs = keras.layers.Dense(3, name="scores")(keras.layers.GRU(5, name="gru")(rows))
    return keras.Model(x, outputs)


def text(count: int = 60, steps: int = 7) -> np.ndarray:
    """Ids of which low ones are frequent and 30 and more never occur; 0 is padding."""
    rng = np.random.default_rng(1)
    found = np.minimum(1 + rng.geometric(0.12, (count, steps)), 29)
    found[:, 5:] = 0
    return found.astype("int32")


def values(layer: Any) -> list[np.ndarray]:
    return [ops.convert_to_numpy(weight) for weight in layer.weights]


def outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(model(x))


def trained() -> keras.Model:
    model = text_model()
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=JIT)
    model.fit(text(), np.arange(60) % 3, epochs=2, verbose=0)
    return model


def test_surgery_of_rows_leaves_the_rest_alone(tmp_path: Path) -> None:
    model, x = trained(), text()
    table = values(model.get_layer("words"))[0]
    small, report = prune_rows(model, ids=x, keep=12)
    counts = np.bincount(x.ravel(), minlength=WORDS)
    counts[:2] = -1
    kept = np.sort([0, 1, *np.argsort(-counts, kind="stable")[:10]])
    np.testing.assert_array_equal(report.kept_ids, kept)
    words = small.get_layer("words")
    assert type(words) is MappedRows and words.mask_zero
    np.testing.assert_array_equal(values(words.layer)[0], table[kept])
    for name in ("gru", "scores"):
        for a, b in zip(values(model.get_layer(name)), values(small.get_layer(name)), strict=True):
            np.testing.assert_array_equal(a, b)
    # All other words are the unknown one now.
    rare = ~np.isin(x, kept)
    assert rare.any()
    np.testing.assert_array_equal(outputs(small, x), outputs(model, np.where(rare, 1, x)))
    np.testing.assert_array_equal(report.new_ids[kept], np.arange(12))
    assert set(report.new_ids[~np.isin(np.arange(WORDS), kept)]) == {1}
    assert report.covered == pytest.approx(np.isin(x[x > 1], kept).mean())
    assert int(small.optimizer.iterations) == int(model.optimizer.iterations) == 4
    momenta = {v.path: ops.convert_to_numpy(v) for v in small.optimizer.variables}
    assert any(np.abs(v).max() > 0 for path, v in momenta.items() if "gru" in path)
    assert not any(np.abs(v).max() > 0 for path, v in momenta.items() if "embeddings" in path)
    small.fit(x, np.arange(60) % 3, epochs=1, verbose=0)
    np.testing.assert_array_equal(ops.convert_to_numpy(words.row_of), report.new_ids)
    small.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(outputs(load_model(tmp_path / "m.keras"), x), outputs(small, x))


def test_without_a_map_the_model_takes_the_new_ids() -> None:
    model, x = text_model(), text()
    mapped, _ = prune_rows(model, ids=x, keep=12)
    small, report = prune_rows(model, ids=x, keep=12, map_in_model=False)
    assert type(small.get_layer("words")) is keras.layers.Embedding
    assert report.map_bits == 0 and small.count_params() == mapped.count_params() - WORDS
    np.testing.assert_array_equal(outputs(small, report.new_ids[x]), outputs(mapped, x))


def test_a_shrunk_tokenizer_gives_the_new_ids() -> None:
    sentences = ["the cat sat", "the dog sat on the cat", "a bird sat", "on the mat"]
    vectorizer = keras.layers.TextVectorization(output_sequence_length=6)
    vectorizer.adapt(sentences)
    vocabulary = vectorizer.get_vocabulary()
    words = keras.layers.Embedding(len(vocabulary), 4, mask_zero=True, name="words")
    model = keras.Sequential([keras.Input((None,), dtype="int64"), words, keras.layers.GRU(3)])
    ids = np.asarray(vectorizer(sentences))
    small, report = prune_rows(model, ids=ids, keep=5, map_in_model=False)
    shrunk = keras.layers.TextVectorization(
        output_sequence_length=6, vocabulary=report.shrink(vocabulary)
    )
    assert shrunk.get_vocabulary() == vocabulary[:5]
    new = np.asarray(shrunk(sentences))
    np.testing.assert_array_equal(new, report.new_ids[ids])
    mapped, _ = prune_rows(model, ids=ids, keep=5)
    np.testing.assert_array_equal(outputs(small, new), outputs(mapped, ids))
    with pytest.raises(CompressionError, match="`vocabulary` must have 10 words"):
        report.shrink(vocabulary[:5])


@pytest.mark.parametrize("coverage", [0.3, 0.8, 1.0])
def test_coverage_takes_the_fewest_rows(coverage: float) -> None:
    counts = np.array([90, 80, 0, 1, 3, 3, 2, 0, 1, 0] + 30 * [0])
    _, report = prune_rows(text_model(), counts=counts, coverage=coverage)
    kept = {0.3: [0, 1, 4], 0.8: [0, 1, 4, 5, 6], 1.0: [0, 1, 3, 4, 5, 6, 8]}[coverage]
    assert report.kept_ids is not None and report.kept_ids.tolist() == kept
    assert report.covered == pytest.approx(counts[kept[2:]].sum() / 10)
    assert report.criterion == f"coverage={coverage}"


def test_all_rows_are_the_same_model_and_errors_are_those_of_the_table() -> None:
    model, x = text_model(), text()
    whole, report = prune_rows(model, ids=x, keep=WORDS, map_in_model=False)
    assert report.relative_error == report.counted_error == 0 and report.covered == 1
    np.testing.assert_array_equal(outputs(whole, x), outputs(model, x))
    table = values(model.get_layer("words"))[0].astype(np.float64)
    _, report = prune_rows(model, ids=x, keep=9)
    lost = ((table - table[report.kept_ids][report.new_ids]) ** 2).sum(axis=1)
    squares, counts = (table**2).sum(axis=1), np.bincount(x.ravel(), minlength=WORDS)
    counts[:2] = 0
    assert report.relative_error == pytest.approx(np.sqrt(lost.sum() / squares.sum()))
    expected = np.sqrt((counts * lost).sum() / (counts * squares).sum())
    assert report.counted_error == pytest.approx(expected)
    # A byte an id for the map.
    assert report.map_bytes == WORDS
    assert report.table_bytes(8) == (WORDS * WIDTH, 9 * WIDTH + WORDS)
    assert "9 rows of 8, 1280 -> 328 bytes in float32, of which 40 are a map" in str(report)
    assert report.to_dict()["new_ids"] == report.new_ids.tolist()


def test_rows_and_ranks_in_either_order() -> None:
    model, x = text_model(), text()
    small, report = prune_rows(model, ids=x, keep=12)
    cut, _ = factorize_embedding(small, rank=3)
    words = cut.get_layer("words")
    assert type(words) is MappedRows and type(words.layer) is FactoredEmbedding
    np.testing.assert_array_equal(ops.convert_to_numpy(words.row_of), report.new_ids)
    first, _ = factorize_embedding(model, rank="full")
    then, again = prune_rows(first, ids=x, keep=12)
    np.testing.assert_array_equal(again.new_ids, report.new_ids)
    np.testing.assert_allclose(outputs(then, x), outputs(small, x), atol=1e-5)
    assert again.relative_error == pytest.approx(report.relative_error, rel=1e-4)
    assert again.name == "words/embeddings_left"
    assert tuple(then.get_layer("words").layer.left.shape) == (12, 8)


def test_twice_is_once_with_fewer() -> None:
    model, x = text_model(), text()
    once, expected = prune_rows(model, ids=x, keep=8)
    first, _ = prune_rows(model, ids=x, keep=20)
    twice, report = prune_rows(first, ids=x, keep=8)
    np.testing.assert_array_equal(report.new_ids, expected.new_ids)
    np.testing.assert_array_equal(report.kept_ids, expected.kept_ids)
    np.testing.assert_array_equal(outputs(twice, x), outputs(once, x))
    bare, _ = prune_rows(first, ids=x, keep=8, map_in_model=False)
    assert type(bare.get_layer("words")) is keras.layers.Embedding
    np.testing.assert_array_equal(outputs(bare, report.new_ids[x]), outputs(once, x))


def test_other_special_ids_and_what_is_frozen() -> None:
    """No padding, and the unknown word at the end of the vocabulary."""
    words = keras.layers.Embedding(WORDS, WIDTH, name="words", trainable=False)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), words, keras.layers.GRU(3)])
    counts = np.arange(WORDS)[::-1]
    small, report = prune_rows(model, counts=counts, keep=4, unknown=WORDS - 1, padding=None)
    assert report.kept_ids is not None and report.kept_ids.tolist() == [0, 1, 2, WORDS - 1]
    assert report.new_ids[20] == 3
    assert not small.get_layer("words").layer.trainable and small.layers[-1].trainable


def inside() -> keras.Model:
    """An embedding in a model in a model."""
    x = keras.Input((None,), dtype="int32")
    inner = keras.Sequential(
        [keras.Input((None,), dtype="int32"), keras.layers.Embedding(WORDS, WIDTH, name="words")]
    )
    return keras.Model(x, keras.layers.GRU(3)(inner(x)))


def read_twice() -> keras.Model:
    """One layer that reads two inputs."""
    words = keras.layers.Embedding(WORDS, WIDTH, name="words")
    x, y = (keras.Input((None,), dtype="int32", name=name) for name in "ab")
    return keras.Model([x, y], keras.layers.GRU(3)(words(x)) + keras.layers.GRU(3)(words(y)))


@pytest.mark.parametrize("build", [inside, read_twice])
def test_other_models(build: Any) -> None:
    model, x = build(), text()
    small, report = prune_rows(model, ids=x, keep=12)
    replaced = np.where(np.isin(x, report.kept_ids), x, 1)
    give = (lambda ids: [ids, ids[::-1]]) if len(model.inputs) == 2 else (lambda ids: ids)
    np.testing.assert_allclose(
        ops.convert_to_numpy(small(give(x))),
        ops.convert_to_numpy(model(give(replaced))),
        atol=1e-6,
    )


def tied() -> keras.Model:
    words = keras.layers.Embedding(WORDS, WIDTH, name="words")
    other = keras.layers.Embedding(WORDS, WIDTH, name="other")
    x = keras.Input((None,), dtype="int32")
    model = keras.Model(x, words(x) + other(x))
    other._tracker.unlock()
    other._embeddings = words._embeddings
    return model


class Own(keras.Model):
    """A model whose configuration does not have its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.words = keras.layers.Embedding(WORDS, WIDTH, name="words")
        self.words.build()
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.words(inputs)

    def get_config(self) -> dict[str, Any]:
        return {}


X, COUNTS = text(), np.arange(WORDS)


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (text_model, {"keep": 5}, "`counts` or `ids` must say how often"),
        (text_model, {"keep": 5, "ids": X, "counts": COUNTS}, "received both"),
        (text_model, {"ids": X}, "exactly one of keep, coverage; received keep=None"),
        (text_model, {"ids": X, "keep": 5, "coverage": 0.5}, "received keep=5 and coverage=0.5"),
        (text_model, {"ids": X, "keep": 2}, "`keep` must be an int from 3 to 40"),
        (text_model, {"ids": X, "keep": 41}, "received 41"),
        (text_model, {"ids": X, "coverage": 1.5}, r"`coverage` must be a number in \(0, 1\]"),
        (text_model, {"ids": X + 20, "keep": 5}, "`ids` must lie from 0 to 39, which 'words' has"),
        (text_model, {"ids": X / 2, "keep": 5}, "`ids` must be integers"),
        (text_model, {"ids": 0 * X, "keep": 5}, "must have words beside padding"),
        (text_model, {"counts": COUNTS[1:], "keep": 5}, "`counts` must be 40 numbers"),
        (text_model, {"counts": -COUNTS, "keep": 5}, "one of at least 0 for each id"),
        (text_model, {"ids": X, "keep": 5, "unknown": 40}, "`unknown` must be an id from 0 to 39"),
        (text_model, {"ids": X, "keep": 5, "padding": None}, "`padding` must be 0, which 'words'"),
        (text_model, {"ids": X, "keep": 5, "layer": "gru"}, "received 'gru', and it has 'words'"),
        (tied, {"ids": X, "keep": 5, "layer": "words"}, "layers that share a variable"),
        (Own, {"ids": X, "keep": 5}, "must write its layers into its configuration"),
    ],
)
def test_what_cannot_be_pruned_says_why(build: Any, options: Any, message: str) -> None:
    with pytest.raises(CompressionError, match=message):
        prune_rows(build(), **options)


def test_changed_weights_are_said() -> None:
    model = text_model()
    model.get_layer("words").enable_lora(2)
    with pytest.raises(CompressionError, match="changed by its enable_lora"):
        prune_rows(model, ids=X, keep=5)
    model = text_model()
    model.get_layer("words").embeddings.assign(np.full((WORDS, WIDTH), np.inf))
    with pytest.raises(CompressionError, match="must hold finite numbers"):
        prune_rows(model, ids=X, keep=5)
