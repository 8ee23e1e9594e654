"""Spoken commands and digits as arrays, made once and read by every run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from tfpipeline.data.dataset import Dataset, Samples, normalized
from tfpipeline.data.splits import SPLITS
from tfpipeline.studies.common.prepared_arrays import prepare_arrays
from tfpipeline.studies.fast_grnn.runs import COMMANDS, RunFiles, Training
from tfpipeline.studies.fast_grnn.settings import Settings

_CORPUS_SEED = 0


def prepare_commands(files: RunFiles, data: Path | None) -> Path:
    """Write the features of the corpus, once, and return their file.

    Args:
        files: of the study.
        data: a corpus in the layout of Speech Commands; None synthesizes one.

    Raises:
        StudyError: the folder has the features of another corpus.
    """
    return prepare_arrays(
        files.commands,
        data,
        lambda data: _arrays_of(data or _synthesized(files), files.settings),
    )


# NumPy only: the processes that train import Keras with a backend of their own.
def _synthesized(files: RunFiles) -> Path:
    from tfpipeline.data import synthesize_corpus

    settings = files.settings
    return synthesize_corpus(
        files.folder / "corpus",
        seed=_CORPUS_SEED,
        train_clips=settings.train,
        validation_clips=settings.validation,
        test_clips=settings.test,
    ).path


def _arrays_of(data: Path, settings: Settings) -> dict[str, np.ndarray]:
    from tfpipeline.data import load_speech_commands

    found = load_speech_commands(data, seed=_CORPUS_SEED, limit=settings.train)
    arrays = {"labels": np.asarray(found.labels)}
    for split in SPLITS:
        part = getattr(found, split)
        arrays |= {f"{split}_x": part.features, f"{split}_y": part.labels}
    return arrays


@lru_cache(4)
def read_data(files: RunFiles, name: str, stacked: int) -> Dataset:
    """Return normalized sequences, `stacked` steps side by side as one."""
    whole = _commands(files) if name == COMMANDS else _digits()
    return whole if stacked == 1 else whole.stacked(stacked)


def data_of(run: Training, files: RunFiles) -> Dataset:
    """Return what a run is trained and tested on."""
    return read_data(files, run.data, run.stacked)


def _commands(files: RunFiles) -> Dataset:
    with np.load(files.commands) as stored:
        train, validation, test = (
            Samples(stored[f"{split}_x"], stored[f"{split}_y"]) for split in SPLITS
        )
        labels = tuple(map(str, stored["labels"]))
    return normalized(labels, train, validation, test, {"name": COMMANDS})


def _digits() -> Dataset:
    from tfpipeline.data import load_digits

    return load_digits()
