"""Edit distance against the recursion that defines it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.decoding import character_error_rate, edit_distance, word_error_rate

words = st.text("abc", max_size=7)


def brute_force(reference: str, hypothesis: str) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        change = distance(i - 1, j - 1) + (reference[i - 1] != hypothesis[j - 1])
        return min(change, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(reference), len(hypothesis))


@given(words, words)
def test_edit_distance_is_the_recursion(reference, hypothesis):
    assert edit_distance(reference, hypothesis) == brute_force(reference, hypothesis)
    assert edit_distance(list(reference), list(hypothesis)) == brute_force(reference, hypothesis)


def test_error_rates_weigh_by_length():
    assert character_error_rate(["aaaa", "b"], ["aaaa", "c"]) == 1 / 5
    assert word_error_rate(["a b c", "d"], ["a b", "x y"]) == 3 / 4


@pytest.mark.parametrize("rate", [character_error_rate, word_error_rate])
def test_error_rate_errors(rate):
    with pytest.raises(ValueError, match="`hypotheses`"):
        rate(["a"], [])
    with pytest.raises(ValueError, match="`references`"):
        rate([""], ["a"])
