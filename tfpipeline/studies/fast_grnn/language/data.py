"""The text as numbers, made once and read by every run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.text_dataset import contiguous_batches
from tfpipeline.studies.common.prepared_arrays import prepare_arrays
from tfpipeline.studies.fast_grnn.language.runs import RunFiles
from tfpipeline.studies.fast_grnn.language.settings import Settings

#: x and y of `contiguous_batches`.
Batches = tuple[np.ndarray, np.ndarray]


def prepare_text(files: RunFiles, data: Path | None) -> Path:
    """Write the numbers of the words, once, and return their file.

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

    most = settings.vocabulary
    text = load_python_text("word", most) if data is None else load_text(data, "word", most)
    splits = {**text.splits(), "train": text.train[: settings.words]}
    return {**splits, "symbols": np.asarray(len(text.vocabulary))}


@lru_cache(1)
def read_text(files: RunFiles) -> tuple[int, dict[str, Batches]]:
    """Return the number of words in the vocabulary, and the batches of each split."""
    batch, steps = files.settings.batch_size, files.settings.steps
    with np.load(files.text) as stored:
        splits = {split: contiguous_batches(stored[split], batch, steps) for split in SPLITS}
        return int(stored["symbols"]), splits
