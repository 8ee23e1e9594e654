"""The text as numbers of characters or words, made once and read by every run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.text_dataset import contiguous_batches
from tfpipeline.studies.common.prepared_arrays import prepare_arrays
from tfpipeline.studies.low_bit.text.runs import RunFiles
from tfpipeline.studies.low_bit.text.settings import Settings

#: Inputs of a `RollingModel`, and the symbols that follow.
Batches = tuple[dict[str, np.ndarray], np.ndarray]


def prepare_text(files: RunFiles, data: Path | None) -> Path:
    """Write the numbers of the symbols, once, and return their file.

    Args:
        files: of the study.
        data: a folder of `tfpipeline.data.load_text`; None takes the text that comes with Python.

    Raises:
        StudyError: the folder of the study has another text.
    """
    return prepare_arrays(
        files.text, data, lambda data: _arrays_of(data, files.settings), "text of Python"
    )


def _arrays_of(data: Path | None, settings: Settings) -> dict[str, np.ndarray]:
    from tfpipeline.data import load_python_text, load_text

    what = (settings.level, settings.vocabulary)
    text = load_python_text(*what) if data is None else load_text(data, *what)
    arrays = {split: part[: settings.tested] for split, part in text.splits().items()}
    arrays["train"] = text.train[: settings.symbols]
    return {**arrays, "symbols": np.asarray(len(text.vocabulary))}


@lru_cache(1)
def read_text(files: RunFiles) -> tuple[int, dict[str, Batches]]:
    """Return the number of different symbols, and the batches of each split."""
    lanes, steps = files.settings.lanes, files.settings.steps
    with np.load(files.text) as stored:
        splits = {split: _rolling_batches(stored[split], lanes, steps) for split in SPLITS}
        return int(stored["symbols"]), splits


def _rolling_batches(numbers: np.ndarray, lanes: int, steps: int) -> Batches:
    """Return a text as a `RollingModel` reads it: each lane from zeros, at every pass."""
    x, y = contiguous_batches(numbers, lanes, steps)
    keep = np.ones(len(x), np.float32)
    keep[:lanes] = 0
    # The names of its inputs; importing them would import Keras.
    return {"features": x, "keep": keep}, y
