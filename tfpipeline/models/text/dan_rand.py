"""A deep averaging network that starts from random vectors."""

from __future__ import annotations

import keras

from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.text.dan import dan
from tfpipeline.models.text.presets import TextPreset


def dan_rand(
    vocabulary_size: int,
    classes: int,
    preset: str | TextPreset = "paper",
    *,
    rank: Rank | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return the model of `dan` with random vectors: DAN-RAND of Iyyer et al. (2015).

    The model of Table 2 of Acharya et al. (2019). It is what `dan` is without `embeddings`, under
    the name by which papers report it.

    Args:
        vocabulary_size, ..., seed: as in `dan`.

    Raises:
        ValueError: for arguments that are impossible or do not fit each other.

    Example:

    >>> dan_rand(1000, 5, "small").output_shape
    (None, 5)
    """
    model = dan(vocabulary_size, classes, preset, rank=rank, seed=seed)
    model.name = "dan_rand"
    return model
