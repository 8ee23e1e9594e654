"""A deep averaging network: dense layers on the average of the words' vectors."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from tfpipeline.layers import MaskedAveragePooling1D
from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.text.classifier import Parts, classifier
from tfpipeline.models.text.presets import TextPreset


def dan(
    vocabulary_size: int,
    classes: int,
    preset: str | TextPreset = "paper",
    *,
    embeddings: np.ndarray | None = None,
    rank: Rank | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return a model of words' vectors, their average, dense layers with ReLU, and scores.

    Iyyer et al. (2015), "Deep unordered composition rivals syntactic methods for text
    classification", with the dense layers of 1024 and 512 units of Acharya et al. (2019), which are
    the preset "paper". Padding has no part in the average, also not in exported files; the average
    of an empty text is zero.

    Args:
        vocabulary_size, ..., seed: as in `lstm`.

    Returns:
        A Sequential model, not compiled: ids `(batch, words)` to logits `(batch, classes)`.

    Raises:
        ValueError: for arguments that are impossible or do not fit each other.

    Example:

    >>> dan(1000, 5, "small").output_shape
    (None, 5)
    """
    return classifier("dan", vocabulary_size, classes, preset, embeddings, rank, seed, _body)


def _body(parts: Parts) -> Iterator[keras.layers.Layer]:
    yield MaskedAveragePooling1D(name="average")
    yield from parts.dropout()
    for number, units in enumerate(parts.preset.dense, 1):
        yield parts.dense(units, "relu", f"dense_{number}")
        yield from parts.dropout()
