"""A small recurrent model and data for it, shared by the tests of several parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FRAMES, FEATURES, LABELS = 24, 40, ("yes", "no", "up")


def walk(samples: int, frames: int = FRAMES, seed: int = 0) -> np.ndarray:
    """Smooth random features: a random walk around zero, as log-mels of speech move."""
    steps = np.random.default_rng(seed).normal(size=(samples, frames, FEATURES))
    return (0.3 * np.cumsum(steps, axis=1)).astype(np.float32)


def set_biases(model: Any, seed: int) -> None:
    """Gives the biases values, which Keras starts at zero: what drops or swaps one shows then."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(rng.normal(0, 0.2, weight.shape))


@dataclass(frozen=True)
class Exported:
    """An exported model, what it was exported from, and data that it has not seen."""

    model: Any
    report: Any
    held_out: np.ndarray
