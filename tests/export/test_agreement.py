"""Which decisions count against a file, and how many are too many."""

from __future__ import annotations

import numpy as np
import pytest

from tfpipeline.export.verify.agreement import Decisions, can_choose, compare_decisions, margin

KERAS = np.array([[0.5, 0.49, 0.01], [0.9, 0.05, 0.05], [0.1, 0.2, 0.7]])


def test_near_ties_do_not_count() -> None:
    found = KERAS.copy()
    found[0] = (0.49, 0.5, 0.01)
    assert compare_decisions(found, KERAS, 0.02) == Decisions(3, 0)
    assert compare_decisions(found, KERAS, 0.005) == Decisions(3, 1)
    found[1] = (0.2, 0.1, 0.7)
    assert compare_decisions(found, KERAS, 0.02) == Decisions(3, 1)


def test_every_time_step_is_a_decision() -> None:
    frames = np.stack([KERAS, KERAS[::-1]])
    other = frames[:, ::-1]
    assert compare_decisions(other, frames, 0.1) == Decisions(6, 4)


def test_two_files_are_compared_by_keras_scores() -> None:
    one, other = KERAS.copy(), KERAS.copy()
    one[0], other[0] = (0.4, 0.6, 0.0), (0.6, 0.4, 0.0)
    assert compare_decisions(one, KERAS, 0.02, other).disagreements == 0
    other[0] = (0.0, 0.0, 1.0)
    assert compare_decisions(one, KERAS, 0.02, other).disagreements == 1


def test_scores_that_are_no_numbers_never_agree() -> None:
    broken = KERAS.copy()
    broken[0] = np.nan
    assert compare_decisions(broken, KERAS, 10.0) == Decisions(3, 1)


def test_the_margin_is_the_allowed_error_and_has_an_end() -> None:
    assert margin(0.01, spread=2.0) == pytest.approx(0.02)
    # Who accepts any error has not said that any label will do.
    assert margin(10.0, spread=2.0) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("count", "disagreements", "least", "refused"),
    [
        (32, 1, 0.97, False),  # 1 of 32 is no 3 %: 62 % of such files would show as much
        (32, 3, 0.97, False),  # 7.3 %
        (32, 4, 0.97, True),  # 1.6 %
        (1000, 30, 0.97, False),
        (1000, 45, 0.97, True),
        (8, 1, 0.97, False),  # 21.6 %
        (8, 2, 0.97, True),  # 2.2 %
        (1, 1, 0.97, True),  # 3 %
        (10**6, 30_500, 0.97, True),
        (10, 1, 1.0, True),
        (10, 0, 1.0, False),
        (10, 10, 0.0, False),
        (4, 2, 0.75, False),
        (40, 40, 0.75, True),
    ],
)
def test_a_refusal_is_a_statement_about_counts(
    count: int, disagreements: int, least: float, refused: bool
) -> None:
    assert Decisions(count, disagreements).refused_by(least) == refused


@pytest.mark.parametrize("decisions", [Decisions(32, 5), Decisions(1000, 400), Decisions(3, 3)])
def test_the_bound_that_would_accept(decisions: Decisions) -> None:
    bound = decisions.least_accepted()
    assert not decisions.refused_by(bound) and decisions.refused_by(bound + 0.01)


def test_one_entry_is_no_choice() -> None:
    assert not can_choose(np.zeros((4, 1))) and not can_choose(np.zeros(4))
    assert can_choose(np.zeros((4, 2)))
