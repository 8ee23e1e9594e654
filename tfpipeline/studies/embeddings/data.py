"""Sentences with a label each, as numbers of words, made once and read by every run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from tfpipeline.data.dataset import Samples
from tfpipeline.data.splits import SPLITS
from tfpipeline.studies.common.prepared_arrays import prepare_arrays
from tfpipeline.studies.embeddings.runs import RunFiles
from tfpipeline.studies.embeddings.sentences import Sentences, load
from tfpipeline.studies.embeddings.settings import DATA, Settings
from tfpipeline.studies.embeddings.word_vectors import word_vectors

_SEED = 0


def prepare_sentences(files: RunFiles, name: str | None) -> Path:
    """Write the sentences, once, and return their file.

    Args:
        files: of the study.
        name: see `load`, or a folder; None takes the first name.

    Raises:
        StudyError: the folder of the study has other sentences.
    """
    chosen = name or DATA[0]
    if chosen not in DATA:
        chosen = str(Path(chosen).resolve())
    return prepare_arrays(
        files.sentences, None, lambda _: _arrays_of(chosen, files.settings), chosen
    )


def _arrays_of(name: str, settings: Settings) -> dict[str, np.ndarray]:
    found = load(name, settings)
    arrays = {
        "vocabulary": np.asarray(found.vocabulary),
        "classes": np.asarray(found.classes),
    }
    for split, most in zip(SPLITS, (settings.train, settings.tested, settings.tested), strict=True):
        part = getattr(found, split)
        # A sentence without a word has no mean.
        told = np.flatnonzero(part.x.any(axis=1))
        order = np.random.default_rng(_SEED).permutation(told)[:most]
        arrays |= {f"{split}_x": part.x[order], f"{split}_y": part.y[order]}
    return arrays


@lru_cache(1)
def read_sentences(files: RunFiles) -> Sentences:
    """Return the sentences that were prepared."""
    with np.load(files.sentences) as stored:
        train, validation, test = (
            Samples(stored[f"{split}_x"], stored[f"{split}_y"]) for split in SPLITS
        )
        return Sentences(train, validation, test, int(stored["vocabulary"]), int(stored["classes"]))


@lru_cache(1)
def read_vectors(files: RunFiles) -> np.ndarray:
    """Return word vectors from the training sentences, float32 `(vocabulary, width)`."""
    settings, found = files.settings, read_sentences(files)
    return word_vectors(found.train.x, found.vocabulary, settings.width, settings.contexts)
