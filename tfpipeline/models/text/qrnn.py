"""A text classifier by the last state of a quasi-recurrent network."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from tfpipeline.layers import QRNN
from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.text.classifier import Parts, classifier
from tfpipeline.models.text.presets import TextPreset


def qrnn(
    vocabulary_size: int,
    classes: int,
    preset: str | TextPreset = "paper",
    *,
    embeddings: np.ndarray | None = None,
    rank: Rank | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return a model of words' vectors, a QRNN over pairs of words, and scores of its last state.

    The model of `lstm` with the recurrent layer of Bradbury et al. (2017), window 2, pooling "fo".

    Args:
        vocabulary_size, ..., seed: as in `lstm`.

    Returns:
        A Sequential model, not compiled: ids `(batch, words)` to logits `(batch, classes)`.

    Raises:
        ValueError: for arguments that are impossible or do not fit each other.

    Example:

    >>> qrnn(1000, 5, "small").output_shape
    (None, 5)
    """
    return classifier("qrnn", vocabulary_size, classes, preset, embeddings, rank, seed, _body)


def _body(parts: Parts) -> Iterator[keras.layers.Layer]:
    yield parts.recurrent(QRNN, "qrnn", looped=False, window=2, pooling="fo")
    yield from parts.dropout()
