"""Tokenizers of other libraries, small, to be exported."""

from __future__ import annotations

from typing import Any

import keras

WORDS = (
    "the",
    "good",
    "bad",
    "movie",
    "isnt",
    "isn't",
    "email",
    "a",
    "aa",
    "é",
    "e",
    "中",
    "👍",
    "#",
)


def vectorization(**options: Any) -> keras.layers.TextVectorization:
    """A `TextVectorization` of a few words."""
    return keras.layers.TextVectorization(vocabulary=list(WORDS), **options)
