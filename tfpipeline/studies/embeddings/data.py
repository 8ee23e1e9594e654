"""Sentences with a label each, as numbers of words, made once and read by every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tfpipeline.data.dataset import Samples
from tfpipeline.data.splits import SPLITS
from tfpipeline.studies.common.prepared_arrays import prepare_arrays
from tfpipeline.studies.embeddings.runs import RunFiles
from tfpipeline.studies.embeddings.settings import DATA, Settings
from tfpipeline.studies.embeddings.word_vectors import word_vectors

PADDING, UNKNOWN = 0, 1
_SEED = 0
_CLASSES = 20
# Of the synthetic sentences.
_TOPICS, _OWN_WORDS, _OWN_SHARE, _TRAIN, _TESTED = 8, 60, 0.35, 4000, 1000


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
    """Return the sentences of a name, whole; `python` and `synthetic` need no download.

    `python` is a part of each sentence of the text that comes with Python: which of the 20
    commonest words follows it? Classes are equally frequent. `synthetic` is drawn: a third of the
    words of a sentence are of its topic.

    Args:
        name: one of `settings.DATA`.
        settings: `steps` and `vocabulary` of them.
    """
    return _LOADERS[name](settings)


def prepare_sentences(files: RunFiles, name: str | None) -> Path:
    """Write the sentences, once, and return their file.

    Args:
        files: of the study.
        name: see `load`; None takes the first.

    Raises:
        StudyError: the folder of the study has other sentences.
    """
    chosen = name or DATA[0]
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


def _python(settings: Settings) -> Sentences:
    from tfpipeline.data import load_python_text

    # One id is for padding.
    text = load_python_text("word", settings.vocabulary - 1)
    symbols = text.vocabulary.symbols
    counts = Counter(text.train[[symbols[i].isalpha() for i in text.train]].tolist())
    followed = [word for word, _ in counts.most_common(_CLASSES)]
    ends = [number for number, symbol in enumerate(symbols) if symbol in (".", "!", "?", ":")]
    train, validation, test = (
        _what_follows(numbers, followed, ends, settings.steps) for numbers in text.splits().values()
    )
    return Sentences(train, validation, test, len(symbols) + 1, _CLASSES)


def _what_follows(numbers: np.ndarray, followed: list[int], ends: list[int], steps: int) -> Samples:
    """Return the beginnings of sentences that one of some words follows, as many of each."""
    places = [np.flatnonzero(numbers == word) for word in followed]
    least = min(map(len, places))
    rng = np.random.default_rng(_SEED)
    chosen = np.concatenate([np.sort(rng.choice(own, least, replace=False)) for own in places])
    # The last end of a sentence before each place.
    at = np.where(np.isin(numbers, ends), np.arange(len(numbers)), -1)
    last = np.maximum.accumulate(np.concatenate([[-1], at]))[chosen]
    before = chosen[:, None] - np.arange(steps, 0, -1)
    ids = np.where(before > last[:, None], numbers[np.maximum(before, 0)] + 1, PADDING)
    return Samples(ids.astype(np.int32), np.repeat(np.arange(len(places)), least).astype(np.int32))


def _synthetic(settings: Settings) -> Sentences:
    rng = np.random.default_rng(_SEED)
    first = 2 + _TOPICS * _OWN_WORDS
    if settings.vocabulary <= first:
        raise ValueError(f"synthetic sentences need more than {first} words")

    def draw(count: int) -> Samples:
        topics = rng.integers(0, _TOPICS, count)
        shape = (count, settings.steps)
        rank = np.minimum(rng.geometric(0.08, shape) - 1, _OWN_WORDS - 1)
        own = 2 + topics[:, None] * _OWN_WORDS + rank
        others = np.minimum(first + rng.zipf(1.3, shape) - 1, settings.vocabulary - 1)
        ids = np.where(rng.random(shape) < _OWN_SHARE, own, others)
        lengths = rng.integers(settings.steps // 2, settings.steps + 1, count)
        ids[np.arange(settings.steps) < settings.steps - lengths[:, None]] = PADDING
        return Samples(ids.astype(np.int32), topics.astype(np.int32))

    return Sentences(draw(_TRAIN), draw(_TESTED), draw(_TESTED), settings.vocabulary, _TOPICS)


_LOADERS: Mapping[str, Callable[[Settings], Sentences]] = dict(
    zip(DATA, (_python, _synthetic), strict=True)
)
