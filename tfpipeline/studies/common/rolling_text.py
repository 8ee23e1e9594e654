"""A text as batches of a `RollingModel`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.text_dataset import contiguous_batches

#: Inputs of a `RollingModel`, and the symbols that follow.
Batches = tuple[dict[str, np.ndarray], np.ndarray]


def read_rolling_text(path: Path, lanes: int, steps: int) -> tuple[int, dict[str, Batches]]:
    """Return the number of different symbols, and the batches of each split.

    Args:
        path: `.npz` with the number of `symbols`, and the numbers of each split.
        lanes: pieces of a split that are read side by side.
        steps: symbols of a batch in each lane.
    """
    with np.load(path) as stored:
        splits = {split: rolling_batches(stored[split], lanes, steps) for split in SPLITS}
        return int(stored["symbols"]), splits


def rolling_batches(numbers: np.ndarray, lanes: int, steps: int) -> Batches:
    """Return a text as a `RollingModel` reads it: each lane from zeros, at every pass."""
    x, y = contiguous_batches(numbers, lanes, steps)
    keep = np.ones(len(x), np.float32)
    keep[:lanes] = 0
    # The names of its inputs; importing them would import Keras.
    return {"features": x, "keep": keep}, y
