"""A small part of many cases in which every pair of levels of any two factors occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

Case = dict[str, Any]
_Pair = tuple[str, Any, str, Any]


def pairwise(cases: Sequence[Case], given: Sequence[Case] = ()) -> list[Case]:
    """Pick cases until every pair of levels that occurs in any of them occurs in a picked one.

    Most faults of an option need at most one other option to show, and these cases are far fewer.
    Greedy: each pick has the most pairs that are still missing, and among those the levels that
    were picked least.

    Args:
        cases: Each with a level for every factor; combinations that make no sense left out.
        given: Cases whose pairs need no other.

    Returns:
        The picked ones, in the order of `cases`.
    """
    pairs = [_pairs(case) for case in cases]
    missing: set[_Pair] = set().union(*pairs).difference(*map(_pairs, given))
    picked: set[int] = set()
    used: Counter[tuple[str, Any]] = Counter()

    def merit(i: int) -> tuple[int, int]:
        return len(pairs[i] & missing), -sum(used[level] for level in cases[i].items())

    while missing:
        best = max(range(len(cases)), key=merit)
        picked.add(best)
        used.update(cases[best].items())
        missing -= pairs[best]
    return [cases[i] for i in sorted(picked)]


def _pairs(case: Case) -> set[_Pair]:
    return {(a, case[a], b, case[b]) for a, b in combinations(case, 2)}
