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


@dataclass(frozen=True)
class Exported:
    """An exported model, what it was exported from, and data that it has not seen."""

    model: Any
    report: Any
    held_out: np.ndarray


def settle(model: Any, seed: int = 0) -> Any:
    """Gives a built model weights that are the same on every machine, and biases that are not 0.

    What Keras' initializers and a training make differs in the last bits from processor to
    processor, and a near tie of two labels is then decided one way here and the other way there.
    """
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        shape = tuple(variable.shape)
        if not shape:
            continue  # a number of a cell, which starts alike everywhere
        is_bias = "bias" in variable.name
        scale = 0.2 if is_bias else float(np.sqrt(2.0 / (shape[0] + shape[-1])))
        values = rng.normal(size=shape) * scale
        # Of a normalization's scale it is what is added to one.
        variable.assign(values + 1.0 if "gamma" in variable.name else values)
    return model


def clear(model: Any, samples: np.ndarray, count: int) -> np.ndarray:
    """The `count` samples whose best label is furthest ahead, in their order.

    Which label wins a near tie is not what a test of a number format asks.
    """
    scores = np.sort(np.asarray(model.predict(samples, verbose=0)), axis=-1)
    margins = scores[..., -1] - scores[..., -2]
    return samples[np.sort(np.argsort(margins.reshape(len(samples), -1).min(axis=1))[-count:])]
