"""Rows of token numbers of one length, as classifiers read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfpipeline.data.arguments import check_count

PADDING, UNKNOWN = 0, 1
"""Numbers of what fills a row up and of a token outside of the vocabulary, as Keras has them."""


def padded(function: str, rows: Sequence[Sequence[int]], length: int | None) -> np.ndarray:
    """Return int32 `(rows, length)`: the first numbers of each row, and zeros behind them.

    Args:
        function: whose argument `length` is.
        rows: numbers of each text.
        length: of all rows; None for that of the longest, at least 1.

    Raises:
        ValueError: an impossible length.
    """
    check_count(function, "length", length, none=True)
    if length is None:
        length = max(1, max(map(len, rows), default=1))
    ids = np.full((len(rows), length), PADDING, np.int32)
    for row, numbers in zip(ids, rows, strict=True):
        kept = numbers[:length]
        row[: len(kept)] = kept
    return ids


def check_texts(function: str, texts: Sequence[str]) -> None:
    """Refuse what is no sequence of strings, one string above all.

    Raises:
        ValueError: naming the function.
    """
    if isinstance(texts, (str, bytes)):
        raise ValueError(
            f"{function}: texts must be a sequence of strings; received one of them: put it in a "
            "list."
        )
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"{function}: texts must be strings; number {number} is a {type(text).__name__}."
            )
