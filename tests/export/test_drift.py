"""Which errors late in a stream count as drift: those of the last window and of the last five."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tfpipeline.export.modes import MODES
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.verify import drift
from tfpipeline.export.verify.paired_streams import Trace

WINDOW, CHANNELS, FRESH = 98, 4, 0.02
INT8 = Tolerances.for_mode([MODES["int8"]])


def trace(errors: Sequence[float], seed: int) -> Trace:
    """Windows of a stream whose outputs and states have these relative errors."""
    rng, found = np.random.default_rng(seed), Trace()
    for error in errors:
        for _ in range(WINDOW):
            exact, noise = rng.normal(size=(2, 1, CHANNELS))
            found.add_outputs({"y": exact + error * noise}, {"y": exact})
            found.add_states({"h": exact + error * noise}, {"h": exact})
    return found


def measured(late: Sequence[float]) -> drift.Drift:
    long = trace([FRESH] * (10 - len(late)) + list(late), 0)
    fresh = [trace([FRESH], 1 + i) for i in range(5)]
    return drift.drift_of(10 * WINDOW, WINDOW, long, fresh, {})


@pytest.mark.parametrize(
    "late",
    [
        [FRESH] * 5,
        [FRESH, FRESH, FRESH, FRESH, 3 * FRESH],  # one window by chance, 1.6 times in five
        [4 * FRESH, 4 * FRESH, FRESH, FRESH, FRESH],  # over in the last one
    ],
)
def test_what_does_not_last_is_no_drift(late: list[float]) -> None:
    found = measured(late)
    assert not drift.problems_of_drift({"stream fused": found}, INT8)
    assert found.growth < 2


@pytest.mark.parametrize("late", [[3 * FRESH] * 5, [FRESH, 2 * FRESH, 4 * FRESH, 6 * FRESH, 0.2]])
def test_an_error_that_grows_and_stays_is_drift(late: list[float]) -> None:
    found = measured(late)
    (problem,) = drift.problems_of_drift({"stream fused": found}, INT8)
    assert "outputs" in problem.what and found.growth > 2
