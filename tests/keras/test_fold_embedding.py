"""The second factor of an embedding inside of the layer that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from tfpipeline.compress import CompressionError, factorize_embedding, fold_embedding
from tfpipeline.layers import (
    UGRNN,
    FactoredDense,
    FactoredEmbedding,
    FactoredGRU,
    FastGRNN,
    NormalizedGRU,
)

pytestmark = pytest.mark.slow

WORDS, WIDTH, RANK = 40, 8, 3


def model_of(layers: Sequence[Any]) -> keras.Model:
    keras.utils.set_random_seed(0)
    embedding = FactoredEmbedding(WORDS, WIDTH, rank=RANK, mask_zero=True, name="words")
    return keras.Sequential([keras.Input((None,), dtype="int32"), embedding, *layers])


READERS = {
    "gru": lambda: [keras.layers.GRU(5), keras.layers.Dense(3)],
    "gru without reset_after": lambda: [keras.layers.GRU(5, reset_after=False)],
    "both directions": lambda: [keras.layers.Bidirectional(keras.layers.LSTM(4))],
    "factored": lambda: [FactoredGRU(5, rank=2)],
    "fast_grnn": lambda: [FastGRNN(5, rank=2)],
    "ugrnn": lambda: [UGRNN(5)],
    "mean": lambda: [
        keras.layers.Dropout(0.3),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(6, "relu"),
        FactoredDense(3, rank=2),
    ],
    "each step": lambda: [keras.layers.Dense(6)],
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_it_is_the_same_function_of_fewer_numbers(reader: Any) -> None:
    model = model_of(reader())
    ids = np.random.default_rng(1).integers(0, WORDS, (4, 6)).astype("int32")
    ids[:, 4:] = 0
    expected = ops.convert_to_numpy(model(ids))
    folded = fold_embedding(model)
    np.testing.assert_allclose(ops.convert_to_numpy(folded(ids)), expected, atol=1e-6)
    words = folded.get_layer("words")
    assert type(words) is keras.layers.Embedding and words.mask_zero and words.output_dim == RANK
    assert folded.count_params() < model.count_params()
    assert not folded.compiled


def test_a_functional_model_that_was_cut() -> None:
    x = keras.Input((None,), dtype="int32")
    rows = keras.layers.Embedding(WORDS, WIDTH, name="words")(x)
    outputs = keras.layers.Dense(2, name="scores")(keras.layers.GRU(5, name="gru")(rows))
    model = keras.Model(x, outputs)
    model.get_layer("gru").trainable = False
    small, _ = factorize_embedding(model, rank=RANK)
    folded = fold_embedding(small, layer="words")
    ids = np.arange(12).reshape(2, 6)
    np.testing.assert_allclose(
        ops.convert_to_numpy(folded(ids)), ops.convert_to_numpy(small(ids)), atol=1e-6
    )
    assert [layer.trainable for layer in folded.layers] == [True, True, False, True]


def test_one_scale_rounds_the_table_less() -> None:
    """Singular values that fall off leave factors with narrow columns."""
    model = model_of([keras.layers.Dense(6, use_bias=False)])
    words = model.get_layer("words")
    words.left.assign(ops.convert_to_numpy(words.left) * np.array([8.0, 1.0, 0.1]))
    before = ops.convert_to_numpy(words.left)
    folded = fold_embedding(model)
    table = ops.convert_to_numpy(folded.get_layer("words").embeddings)
    widest = np.abs(table).max(axis=0)
    np.testing.assert_allclose(widest, widest[0], rtol=1e-6)

    def error(left: np.ndarray, right: np.ndarray) -> float:
        step = np.abs(left).max() / 7
        return float(np.linalg.norm((np.rint(left / step) * step - left) @ right))

    kernel = ops.convert_to_numpy(folded.layers[-1].kernel)
    whole = ops.convert_to_numpy(words.right) @ ops.convert_to_numpy(model.layers[-1].kernel)
    assert error(table, kernel) < error(before, whole)
    ids = np.arange(WORDS)[None]
    np.testing.assert_allclose(
        ops.convert_to_numpy(folded(ids)), ops.convert_to_numpy(model(ids)), atol=1e-5
    )


def read_twice() -> keras.Model:
    x = keras.Input((None,), dtype="int32")
    rows = FactoredEmbedding(WORDS, WIDTH, rank=RANK, name="words")(x)
    return keras.Model(
        x, [keras.layers.GRU(5, name="a")(rows), keras.layers.GRU(5, name="b")(rows)]
    )


class Own(keras.Model):
    """A model of its own class, whose graph nobody knows."""

    def __init__(self) -> None:
        super().__init__()
        self.words = FactoredEmbedding(WORDS, WIDTH, rank=RANK)
        self.call(np.zeros((1, 2), "int32"))
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.words(inputs)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Own, "must be Sequential or functional; 'own.*' is a Own"),
        (lambda: model_of([keras.layers.LayerNormalization()]), "a LayerNormalization, is next"),
        (lambda: model_of([NormalizedGRU(4)]), "a NormalizedGRU, is next"),
        (lambda: model_of([FactoredGRU(4, joint="split")]), "a FactoredGRU, is next"),
        (lambda: model_of([]), "'words' is read by nothing in the model"),
        (read_twice, "'words' is read by 'a', 'b'"),
        (
            lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]),
            "it has none: make one with",
        ),
    ],
)
def test_what_cannot_be_folded_says_why(build: Any, message: str) -> None:
    with pytest.raises(CompressionError, match=message):
        fold_embedding(build())
