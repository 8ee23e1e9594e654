"""Sentences with a label each, by name or from a folder, as numbers of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfpipeline.data import (
    LabelledTexts,
    Samples,
    WordTokenizer,
    load_documentation,
    load_imdb,
    load_intents,
    load_sst2,
    load_trec,
    synthesize_book_intents,
)
from tfpipeline.studies.common.rows import StudyError
from tfpipeline.studies.embeddings.settings import DATA, Settings
from tfpipeline.studies.embeddings.synthetic import synthetic_sentences

PADDING, UNKNOWN = 0, 1
# Rarer words are the unknown one.
_LEAST_COUNT = 2
_BOOKS, _BOOKS_TESTED = 50_000, 5_000
# Which reader a folder is for, by what it holds.
_READERS: Mapping[str, Callable[[Path], LabelledTexts]] = {
    "train.tsv": load_sst2,
    "train_5500.label": load_trec,
    "data_full.json": load_intents,
    "train/seq.in": lambda root: load_intents(root, layout="snips"),
    "train/pos": load_imdb,
}


@dataclass(frozen=True)
class Sentences:
    """What a study trains and tests on.

    Args:
        train, validation, test: int32 ids `(sentences, steps)`, in front of which is padding where
            a sentence is short, and the class of each. Id 0 is padding, 1 the unknown word.
        vocabulary: how many ids there are.
        classes: how many there are.
    """

    train: Samples
    validation: Samples
    test: Samples
    vocabulary: int
    classes: int


def load(name: str, settings: Settings) -> Sentences:
    """Return the sentences of a name or of a folder, whole.

    `books` are made requests to a bookshop, `documentation` sentences of the documentation of
    Python (see `tfpipeline.data`), and `synthetic` is drawn: a third of the words of a sentence are
    of its topic. A folder has SST-2, TREC, CLINC150, ATIS, SNIPS or IMDB.

    Args:
        name: one of `settings.DATA`, or the path of a folder.
        settings: `train`, `tested`, `steps` and `vocabulary` of them.

    Raises:
        StudyError: the folder holds none of these sets.
        DataError: the set is broken.
    """
    if name == "synthetic":
        return Sentences(*synthetic_sentences(settings))
    if name == "books":
        train, tested = settings.train or _BOOKS, settings.tested or _BOOKS_TESTED
        return _numbered(synthesize_book_intents(0, train, tested, tested), settings)
    return _numbered(load_documentation() if name in DATA else _of_folder(Path(name)), settings)


def _of_folder(root: Path) -> LabelledTexts:
    for held, reader in _READERS.items():
        if (root / held).exists():
            return reader(root)
    raise StudyError(
        f"--data must be one of {', '.join(DATA)}, or a folder that holds one of "
        f"{', '.join(_READERS)}; received {root}"
    )


def _numbered(texts: LabelledTexts, settings: Settings) -> Sentences:
    words = WordTokenizer.fit(texts.train.texts, settings.vocabulary, _LEAST_COUNT)
    train, validation, test = (
        Samples(last_words(words.encode(split.texts), settings.steps), split.y)
        for split in texts.splits().values()
    )
    return Sentences(train, validation, test, len(words), len(texts.labels))


def last_words(ids: np.ndarray, steps: int) -> np.ndarray:
    """Return the last ids of each row behind padding, `(rows, steps)`.

    Args:
        ids: `(rows, any)`, with padding behind the ids of a row.
        steps: of the result.

    Example:
        >>> last_words(np.array([[4, 5, 6], [7, 0, 0]]), 2).tolist()
        [[5, 6], [0, 7]]
    """
    places = (ids != PADDING).sum(axis=1)[:, None] - steps + np.arange(steps)
    if not ids.size:
        return np.zeros(places.shape, np.int32)
    found = np.take_along_axis(ids, np.clip(places, 0, ids.shape[1] - 1), axis=1)
    return np.where(places >= 0, found, PADDING).astype(np.int32)
