"""A text classifier by the last state of an LSTM."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.text.classifier import Parts, classifier
from tfpipeline.models.text.presets import TextPreset


def lstm(
    vocabulary_size: int,
    classes: int,
    preset: str | TextPreset = "paper",
    *,
    embeddings: np.ndarray | None = None,
    rank: Rank | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return a model of words' vectors, an LSTM, and scores of its last state.

    Acharya et al. (2019), "Online embedding compression for text classification using low rank
    matrix factorization": vectors of 300 numbers and 150 units, which are the preset "paper".
    Padding behind the words is masked, so the last state is that of the last word; export takes
    `without_masks(model)` with `length="bounded"`.

    Args:
        vocabulary_size: rows of the table of words; id 0 is padding and masked.
        classes: number of scores.
        preset: "paper", "small", or a `TextPreset`.
        embeddings: float `(vocabulary_size, width)`, where the table starts, such as
            `load_vectors` gives it; None for random numbers of the preset's width.
        rank: None for a plain table; else that of a `tfpipeline.layers.FactoredEmbedding`.
        seed: of all initializers and dropouts.

    Returns:
        A Sequential model, not compiled: ids `(batch, words)` to logits `(batch, classes)`.

    Raises:
        ValueError: for arguments that are impossible or do not fit each other.

    Example:

    >>> lstm(1000, 5, "small").output_shape
    (None, 5)
    """
    return classifier("lstm", vocabulary_size, classes, preset, embeddings, rank, seed, _body)


def _body(parts: Parts) -> Iterator[keras.layers.Layer]:
    yield parts.recurrent(keras.layers.LSTM, "lstm")
    yield from parts.dropout()
