"""Keras' layer that numbers words, with the vocabulary of a `WordTokenizer`."""

from __future__ import annotations

import keras

from tfpipeline.data.text.word_tokenizer import WordTokenizer


def text_vectorization(
    words: WordTokenizer, length: int | None = None
) -> keras.layers.TextVectorization:
    """Return the `keras.layers.TextVectorization` that numbers texts as `words.encode` does.

    What `adapt` would have learned from the texts that `words` was fitted to: padding is 0, other
    words are 1. For `tf.data`, and for models that take strings on a server. The other way round,
    `WordTokenizer(layer.get_vocabulary())` is the tokenizer of an adapted layer.

    Args:
        words: fitted to the training texts.
        length: words of a row; None for those of the longest text of a batch.

    Raises:
        ValueError: a vocabulary without words, which Keras does not take.

    Example:

    >>> layer = text_vectorization(WordTokenizer.fit(["a cat", "a dog"]), length=3)
    >>> layer(["A bird!"]).shape
    TensorShape([1, 3])
    """
    if len(words) < 3:
        raise ValueError(
            "text_vectorization: words must have one word at least; received a vocabulary of "
            "padding and unknown words only."
        )
    return keras.layers.TextVectorization(
        vocabulary=list(words.vocabulary[2:]), output_sequence_length=length
    )
