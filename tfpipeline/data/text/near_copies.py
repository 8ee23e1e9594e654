"""Finds texts that are nearly others."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np


def near_copies(texts: Sequence[str], others: Sequence[str], share: float = 0.8) -> np.ndarray:
    """Return which texts have nearly the words of one of the others.

    Two texts are near copies where their sets of lower-case words A and B have
    `len(A & B) >= share * len(A | B)`. Only pairs that have a rare word in common are compared: of
    sets as alike as that, in one order of all words, the first `len - ceil(share * len) + 1` words
    always meet (prefix filtering; Chaudhuri et al. 2006, "A primitive operator for similarity joins
    in data cleaning").

    Args:
        texts: of which to tell.
        others: to compare with.
        share: in (0, 1].

    Returns:
        Booleans `(texts,)`.

    Example:
        >>> near_copies(["Return the name of it."], ["Return the name of it again."])
        array([ True])
    """
    sets = [_words(text) for text in texts]
    known = [_words(other) for other in others]
    counts = Counter(word for words in (*sets, *known) for word in words)

    def rarest(words: frozenset[str]) -> list[str]:
        ordered = sorted(words, key=lambda word: (counts[word], word))
        return ordered[: len(words) - math.ceil(share * len(words) - 1e-9) + 1]

    homes: dict[str, list[int]] = defaultdict(list)
    for number, words in enumerate(known):
        for word in rarest(words):
            homes[word].append(number)
    return np.array(
        [
            any(
                _alike(words, known[number], share)
                for number in {number for word in rarest(words) for number in homes.get(word, ())}
            )
            for words in sets
        ],
        bool,
    )


def _alike(one: frozenset[str], other: frozenset[str], share: float) -> bool:
    both = len(one & other)
    return both >= share * (len(one) + len(other) - both) - 1e-9


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))
