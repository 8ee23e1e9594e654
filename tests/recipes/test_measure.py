"""Counting: accuracy, confusion, ratios."""

from __future__ import annotations

import numpy as np
import pytest

from tfpipeline.bench import KeywordRow, Timing
from tfpipeline.recipes import DemoConfig
from tfpipeline.recipes.measure import accuracy, confusion_matrix, ratio


def row(name: str, median: float | None) -> KeywordRow:
    timing = None if median is None else Timing(median / 2, median, median * 3, 5, 10)
    return KeywordRow(name, 100, None, timing, None, "none")


def test_rows_of_the_confusion_matrix_are_what_was_spoken() -> None:
    labels = np.array([0, 0, 0, 1, 2])
    predicted = np.array([0, 0, 2, 1, 1])
    assert confusion_matrix(predicted, labels, 3) == [[2, 0, 1], [0, 1, 0], [0, 1, 0]]
    assert accuracy(predicted, labels) == pytest.approx(3 / 5)


def test_a_ratio_says_how_many_times_as_fast_by_the_medians() -> None:
    rows = [row("slow", 300.0), row("fast", 100.0), row("unknown", None)]
    assert ratio(rows, "slow", "fast") == pytest.approx(3.0)
    assert ratio(rows, "fast", "slow") == pytest.approx(1 / 3)
    assert ratio(rows, "unknown", "fast") is None
    assert ratio(rows, "no such row", "fast") is None


@pytest.mark.parametrize("setting", ["train_clips", "rounds", "seed"])
def test_impossible_settings_are_named(setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        DemoConfig(**{setting: -1})


def test_unknown_settings_are_errors() -> None:
    with pytest.raises(TypeError):
        DemoConfig(epochs=3)  # type: ignore[call-arg]
