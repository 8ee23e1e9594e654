"""The plot of an evaluated stream."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tfpipeline.detection import DetectionCurve
from tfpipeline.report.detection_plot import misses_against_false_alarms
from tfpipeline.report.theme import THEMES, Theme


def curve(spoken: int, alarms: list[int]) -> DetectionCurve:
    count = len(alarms)
    hits = np.linspace(spoken, 0, count).astype(int)[:, None]
    cutoffs = np.linspace(0.1, 0.9, count)
    return DetectionCurve(("go",), cutoffs, np.array([spoken]), hits, np.array([alarms]).T, 7200.0)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("spoken", [10, 0])
@pytest.mark.parametrize("alarms", [[900, 40, 3, 0], [0, 0, 0, 0]])
@pytest.mark.parametrize("chosen", [True, False])
def test_it_is_drawn_whatever_was_found(
    theme: Theme, spoken: int, alarms: list[int], chosen: bool
) -> None:
    test = curve(spoken, alarms)
    results: dict[str, Any] = {
        "settings": {"most_false_alarms": 1.0},
        "curve": test.to_dict(),
        "validation_curve": curve(10, alarms).to_dict() if chosen else None,
        "operating_point": test.points()[2].to_dict() if chosen else None,
    }
    svg = misses_against_false_alarms(results, theme)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert svg == misses_against_false_alarms(results, theme)
