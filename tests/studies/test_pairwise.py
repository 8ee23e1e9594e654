"""The part of all cases that stands for them."""

from __future__ import annotations

from itertools import combinations, product

from tfpipeline.studies.export.pairwise import pairwise

_LEVELS = {"a": (1, 2, 3), "b": ("x", "y", "z"), "c": (True, False), "d": (None, 0.5)}


def _pairs(cases: list[dict[str, object]]) -> set[object]:
    return {(*p, *q) for case in cases for p, q in combinations(case.items(), 2)}


def test_every_pair_that_occurs_is_picked_and_few_cases_are() -> None:
    cases = [dict(zip(_LEVELS, levels, strict=True)) for levels in product(*_LEVELS.values())]
    possible = [case for case in cases if not (case["a"] == 2 and case["c"])]
    picked = pairwise(possible)
    assert _pairs(picked) == _pairs(possible)
    assert all(case in possible for case in picked)
    # Nine pairs of the two largest factors need nine cases.
    assert 9 <= len(picked) <= 12
    assert pairwise(possible) == picked


def test_pairs_of_given_cases_need_no_other() -> None:
    cases = [dict(zip(_LEVELS, levels, strict=True)) for levels in product(*_LEVELS.values())]
    given = pairwise([case for case in cases if case["a"] != 2 or case["b"] == "x"])
    others = pairwise(cases, given)
    assert _pairs([*given, *others]) == _pairs(cases)
    # What is left: the two pairs of a=2 with other b.
    assert len(others) == 2 and {case["b"] for case in others} == {"y", "z"}
    assert pairwise(cases, cases) == []


def test_a_single_case_stands_for_itself() -> None:
    assert pairwise([{"a": 1, "b": 2}]) == [{"a": 1, "b": 2}]
    assert pairwise([]) == []
