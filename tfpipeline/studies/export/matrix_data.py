"""Samples for the models of the export matrix: features of speech, vectors, words."""

from __future__ import annotations

import numpy as np

FRAMES, FEATURES, CLASSES, WORDS = 24, 12, 3, 30


def sequences(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return random walks around the pattern of a class, as features of speech move."""
    steps = rng.normal(size=(len(labels), FRAMES, FEATURES))
    patterns = rng.normal(size=(CLASSES, 1, FEATURES))
    return (1.5 * patterns[labels] + 0.15 * np.cumsum(steps, axis=1)).astype(np.float32)


def vectors(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return sequences(labels, rng)[:, FRAMES // 2]


def texts(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Words of which each class prefers its own third."""
    own = rng.integers(0, WORDS // CLASSES, (len(labels), FRAMES)) * CLASSES + labels[:, None]
    any_word = rng.integers(0, WORDS, own.shape)
    return np.where(rng.random(own.shape) < 0.8, own, any_word).astype(np.int32)


def sequences_and_vectors(labels: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"mel": sequences(labels, rng), "speaker": vectors(labels, rng)[:, :5]}
