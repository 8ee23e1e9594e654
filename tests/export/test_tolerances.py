"""The bounds of an output and of its channels, and which of them accepts what was measured."""

from __future__ import annotations

import math

import pytest

from tfpipeline.export import Tolerances


@pytest.mark.parametrize(
    ("relative_error", "channel_error"),
    [(0.001, 0.002), (0.15, 0.3), (0.35, 0.7), (0.45, 0.9), (0.7, 0.9), (0.95, 0.95), (10.0, 10.0)],
)
def test_a_channel_may_have_twice_as_much_while_it_lives(
    relative_error: float, channel_error: float
) -> None:
    tolerances = Tolerances(relative_error=relative_error)
    assert tolerances.channel_error == channel_error
    assert tolerances.to_dict()["channel_error"] == channel_error


@pytest.mark.parametrize("measured", [0.0, 3e-7, 0.188, 0.31, 0.5, 0.899, 0.9, 0.91, 1.0, 7.3])
def test_what_is_named_as_acceptable_accepts(measured: float) -> None:
    tolerances = Tolerances()
    assert tolerances.accepting(measured) >= measured
    bound = tolerances.accepting_channel(measured)
    assert Tolerances(relative_error=bound).channel_error >= measured
    # And hardly more than that.
    if measured > 0.9 or 0.0 < measured < 0.85:
        assert Tolerances(relative_error=0.85 * bound).channel_error < measured


def test_of_bounds_the_more_exhausted_one_counts() -> None:
    tolerances = Tolerances()
    assert tolerances.exhausted(0.075, 0.1) == pytest.approx(0.5)
    assert tolerances.exhausted(0.075, 0.27) == pytest.approx(0.9)
    assert tolerances.exhausted(0.075, math.nan) == math.inf
    assert tolerances.exhausted(math.nan, 0.1) == math.inf
    assert Tolerances(relative_error=0.0).exhausted(0.0, 0.0) == 0.0
