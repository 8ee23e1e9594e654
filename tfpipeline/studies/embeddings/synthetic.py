"""Sentences that are drawn, for trying things out."""

from __future__ import annotations

import numpy as np

from tfpipeline.data.dataset import Samples
from tfpipeline.studies.embeddings.settings import Settings

_PADDING, _SEED = 0, 0
_TOPICS, _OWN_WORDS, _OWN_SHARE, _TRAIN, _TESTED = 8, 60, 0.35, 4000, 1000


def synthetic_sentences(settings: Settings) -> tuple[Samples, Samples, Samples, int, int]:
    """Return the fields of `Sentences`: a third of the words of a sentence are of its topic."""
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
        ids[np.arange(settings.steps) < settings.steps - lengths[:, None]] = _PADDING
        return Samples(ids.astype(np.int32), topics.astype(np.int32))

    return draw(_TRAIN), draw(_TESTED), draw(_TESTED), settings.vocabulary, _TOPICS
