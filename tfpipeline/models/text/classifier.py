"""What all classifiers of text share: words in, scores of classes out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.text.presets import TextPreset, preset_of
from tfpipeline.models.text.word_embedding import check_positive, word_embedding


class Parts:
    """Layers by the settings of a preset, each with random numbers of its own.

    Args:
        preset: the settings.
        seed: of all initializers and dropouts.
    """

    def __init__(self, preset: TextPreset, seed: int) -> None:
        self.preset = preset
        # The table of words has the first.
        self._seeds = iter(range(1000 * seed + 1, 1000 * (seed + 1)))
        self._dropouts = itertools.count(1)

    def dropout(self) -> Iterator[keras.layers.Layer]:
        """Yield a dropout, where there is one."""
        if self.preset.dropout:
            yield keras.layers.Dropout(
                self.preset.dropout, seed=next(self._seeds), name=f"dropout_{next(self._dropouts)}"
            )

    def dense(self, units: int, activation: str | None, name: str) -> keras.layers.Layer:
        return keras.layers.Dense(units, activation, name=name, **self._kernel("kernel"))

    def recurrent(self, kind: Any, name: str, *, looped: bool = True, **options: Any) -> Any:
        """Return a recurrent layer.

        Args:
            kind: its class.
            name: its name.
            looped: whether it has a recurrent kernel.
            options: further arguments of it.
        """
        if looped:
            initializer = keras.initializers.Orthogonal(seed=next(self._seeds))
            options |= self._kernel("recurrent", initializer)
        return kind(self.preset.units, name=name, **self._kernel("kernel"), **options)

    def _kernel(self, kernel: str, initializer: Any = None) -> dict[str, Any]:
        # Keras' penalty has no half in it.
        penalty = keras.regularizers.L2(self.preset.l2 / 2) if self.preset.l2 else None
        start = initializer or keras.initializers.GlorotUniform(seed=next(self._seeds))
        return {f"{kernel}_initializer": start, f"{kernel}_regularizer": penalty}


def classifier(
    name: str,
    vocabulary_size: int,
    classes: int,
    preset: str | TextPreset,
    embeddings: np.ndarray | None,
    rank: Rank | None,
    seed: int,
    body: Callable[[Parts], Iterator[keras.layers.Layer]],
) -> keras.Model:
    """Return the model of a table of words, a body and scores.

    Args:
        name: of the model, and of the function that is called.
        vocabulary_size, classes, preset, embeddings, rank, seed: as in `lstm`.
        body: gives the layers between the words' vectors and the scores.

    Raises:
        ValueError: for arguments that are impossible or do not fit each other.
    """
    chosen = preset_of(name, preset)
    check_positive(name, "classes", classes)
    words = word_embedding(
        name, vocabulary_size, chosen.width, embeddings=embeddings, rank=rank, seed=seed
    )
    parts = Parts(chosen, seed)
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="ids"),
            words,
            *parts.dropout(),
            *body(parts),
            parts.dense(classes, None, "scores"),
        ],
        name=name,
    )
