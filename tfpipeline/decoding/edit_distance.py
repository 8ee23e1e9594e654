"""Edit distance, and the error rates that it gives for a corpus."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np


def edit_distance(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> int:
    """Return the least number of insertions, deletions and substitutions between two sequences.

    >>> edit_distance("kitten", "sitting")
    3
    """
    numbers: dict[Hashable, int] = {}
    rows, columns = (
        np.array([numbers.setdefault(item, len(numbers)) for item in sequence], dtype=np.int64)
        for sequence in (reference, hypothesis)
    )
    steps = np.arange(columns.size + 1)
    distance = steps.copy()
    for row, item in enumerate(rows, start=1):
        best = np.minimum(distance[:-1] + (columns != item), distance[1:] + 1)
        # Insertions go along the row: the least of all d[k] + (j - k) with k <= j.
        distance = np.minimum.accumulate(np.concatenate([[row], best]) - steps) + steps
    return int(distance[-1])


def character_error_rate(references: Iterable[str], hypotheses: Iterable[str]) -> float:
    """Return all edits of characters over all characters of the references; 1 is 100 %.

    Raises:
        ValueError: when there are not as many of both, or the references are empty.

    >>> character_error_rate(["abcd", "ab"], ["abxd", "ab"])
    0.16666666666666666
    """
    return _error_rate(list(references), list(hypotheses))


def word_error_rate(references: Iterable[str], hypotheses: Iterable[str]) -> float:
    """Return all edits of words over all words of the references; white space separates words.

    Raises:
        ValueError: when there are not as many of both, or the references are empty.

    >>> word_error_rate(["one two three"], ["one tow three"])
    0.3333333333333333
    """
    return _error_rate([text.split() for text in references], [text.split() for text in hypotheses])


def _error_rate(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> float:
    if len(references) != len(hypotheses):
        raise ValueError(
            f"`hypotheses` must be as many as `references`, {len(references)}; received "
            f"{len(hypotheses)}."
        )
    total = sum(len(reference) for reference in references)
    if not total:
        raise ValueError(
            "`references` must hold a character or word; an error rate divides by them."
        )
    pairs = zip(references, hypotheses, strict=True)
    return sum(edit_distance(reference, hypothesis) for reference, hypothesis in pairs) / total
