"""The table of words that every model of text begins with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.layers import FactoredEmbedding
from tfpipeline.layers.factored.ranks import Rank

NAME = "words"


def word_embedding(
    function: str,
    vocabulary_size: int,
    width: int,
    *,
    embeddings: np.ndarray | None = None,
    rank: Rank | None = None,
    mask_zero: bool = True,
    seed: int = 0,
) -> keras.layers.Layer:
    """Return a built table of words, plain or of two factors.

    Args:
        function: that checks its arguments here.
        vocabulary_size: rows.
        width: numbers of a row, where `embeddings` is None.
        embeddings: `(vocabulary_size, width)`, where training starts; None for random numbers.
        rank: of a `FactoredEmbedding`; None for a `keras.layers.Embedding`.
        mask_zero: whether id 0 is padding, which is masked.
        seed: of the random numbers.

    Raises:
        ValueError: for sizes, a table or a rank that does not fit.
    """
    check_positive(function, "vocabulary_size", vocabulary_size)
    table = None
    if embeddings is not None:
        table = np.asarray(embeddings, np.float32)
        if table.ndim != 2 or table.shape[0] != vocabulary_size or not table.shape[1]:
            raise ValueError(
                f"{function}: embeddings must have the shape (vocabulary_size, width) with "
                f"{vocabulary_size} rows; received {table.shape}."
            )
        if not np.isfinite(table).all():
            raise ValueError(
                f"{function}: embeddings must be finite numbers; received others: load them with "
                "tfpipeline.models.text.load_vectors."
            )
        width = table.shape[1]
    options = {
        "embeddings_initializer": keras.initializers.RandomUniform(seed=1000 * seed),
        "mask_zero": mask_zero,
        "name": NAME,
    }
    layer: Any
    if rank is None:
        layer = keras.layers.Embedding(vocabulary_size, width, **options)
    else:
        layer = FactoredEmbedding(vocabulary_size, width, rank=rank, **options)
    layer.build((None, None))
    if table is not None and rank is None:
        layer.embeddings.assign(table)
    elif table is not None:
        layer.assign_kernel(table)
    return layer


def check_positive(function: str, name: str, value: Any) -> None:
    """Refuse what is no whole number from 1 on.

    Raises:
        ValueError: naming function and argument.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{function}: {name} must be a positive int; received {value!r}.")
