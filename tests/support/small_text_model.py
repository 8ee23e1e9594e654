"""A text classifier that was trained for a moment, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

LABELS = ("bad", "good", "none")
FRAMES = 12
_WORDS = ("the", "a", "movie", "plot", "é", "中", "it", "isnt", "was", "and")
_OF_LABEL = (("awful", "bad", "boring"), ("fine", "good", "great"), ())


def labelled_texts(count: int = 240) -> tuple[list[str], np.ndarray]:
    """Return texts of a few words, and the label of each."""
    chosen = np.random.default_rng(0)
    labels = chosen.integers(0, 3, count)
    texts = []
    for label in labels:
        words = list(chosen.choice(_WORDS, chosen.integers(1, 9)))
        words += list(chosen.choice(_OF_LABEL[label], 2)) if _OF_LABEL[label] else []
        texts.append(" ".join(chosen.permutation(words)))
    return texts, labels


@dataclass(frozen=True)
class TextModel:
    """A model of ids, and the layer that makes them.

    Args:
        model: `(batch, FRAMES)` int32 to scores.
        layer: Text to ids.
        texts: What it was trained on.
    """

    model: keras.Model
    layer: keras.layers.TextVectorization
    texts: list[str]

    def export(self, path: Path, **options: Any) -> Any:
        """Write its files."""
        from tfpipeline.export import export

        given = {"calibration": self.texts, "tokenizer": self.layer, "labels": list(LABELS)}
        return export(self.model, path, **(given | options))


def small_text_model(
    activation: str | None = "softmax", frames: int | None = FRAMES, mean: bool = False
) -> TextModel:
    """Return a model of a GRU, or of the mean of embeddings.

    Args:
        activation: Of the last layer.
        frames: How many ids it takes; None takes any number.
        mean: Whether it is a deep averaging network.
    """
    keras.utils.set_random_seed(0)
    texts, labels = labelled_texts()
    layer = keras.layers.TextVectorization(output_sequence_length=frames)
    layer.adapt(texts)
    reading = keras.layers.GlobalAveragePooling1D() if mean else keras.layers.GRU(8)
    model = keras.Sequential(
        [
            keras.Input((frames,), dtype="int32"),
            keras.layers.Embedding(layer.vocabulary_size(), 8),
            reading,
            keras.layers.Dense(3, activation=activation),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=activation is None)
    model.compile(keras.optimizers.Adam(0.03), loss)
    model.fit(np.asarray(layer(np.array(texts))), labels, epochs=12, verbose=0)
    return TextModel(model, layer, texts)
