"""`WordTokenizer` beside `keras.layers.TextVectorization`, which it must equal."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.data import WordTokenizer
from tfpipeline.models.text import text_vectorization

pytestmark = pytest.mark.slow

# Lone surrogates are no text.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=25)
ODD = [
    "Straße, \u00c4RGER",
    "a\u00a0b\u2003c",
    "\x1ca\x85b",
    "x\r\ny\vz\f",
    "e\u0301 \U0001f600!",
    "",
    "'",
]


def test_fit_numbers_words_as_adapt_does() -> None:
    texts = ["B a. A!", "b c, d", *ODD, "\u00e4 z \u00e4", "don't don't"]
    for most in (None, 3, 6):
        layer = keras.layers.TextVectorization(max_tokens=most)
        layer.adapt(texts)
        words = WordTokenizer.fit(texts, most_words=most)
        assert list(words.vocabulary) == layer.get_vocabulary()
        np.testing.assert_array_equal(words.encode(texts), np.asarray(layer(texts)))


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=4))
def test_any_text_has_the_numbers_that_keras_gives(texts: list[str]) -> None:
    words = WordTokenizer.fit(["the cat", "a dog \u00c4 \u00e9"])
    layer = _layer()
    ids = np.asarray(layer([*texts, *ODD]))
    np.testing.assert_array_equal(words.encode([*texts, *ODD], length=6), ids)


_KEPT: list[keras.layers.TextVectorization] = []


def _layer() -> keras.layers.TextVectorization:
    """One layer for all examples, which takes a while to make."""
    if not _KEPT:
        words = WordTokenizer.fit(["the cat", "a dog \u00c4 \u00e9"])
        _KEPT.append(text_vectorization(words, length=6))
    return _KEPT[0]


def test_a_vocabulary_comes_back_from_the_layer() -> None:
    words = WordTokenizer.fit(["the cat and the dog"])
    layer = text_vectorization(words)
    assert WordTokenizer(layer.get_vocabulary()).vocabulary == words.vocabulary
    assert np.asarray(layer(["the bird"])).tolist() == [[2, 1]]


def test_a_vocabulary_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="words must have one word at least"):
        text_vectorization(WordTokenizer(["", "[UNK]"]))
