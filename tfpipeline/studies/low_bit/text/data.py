"""The text as numbers of characters, made once and read by every run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from tfpipeline.studies.common.prepared_arrays import prepare_arrays
from tfpipeline.studies.common.rolling_text import Batches, read_rolling_text
from tfpipeline.studies.low_bit.text.runs import RunFiles
from tfpipeline.studies.low_bit.text.settings import Settings


def prepare_text(files: RunFiles, data: Path | None) -> Path:
    """Write the numbers of the characters, once, and return their file.

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

    level = "character"
    text = load_python_text(level) if data is None else load_text(data, level)
    arrays = {split: part[: settings.tested] for split, part in text.splits().items()}
    arrays["train"] = text.train[: settings.characters]
    return {**arrays, "symbols": np.asarray(len(text.vocabulary))}


@lru_cache(1)
def read_text(files: RunFiles) -> tuple[int, dict[str, Batches]]:
    """Return the number of different characters, and the batches of each split."""
    return read_rolling_text(files.text, files.settings.lanes, files.settings.steps)
