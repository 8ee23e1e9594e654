"""The sweep against a detector for each cutoff and the best assignment of its detections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.data import LabelledInterval
from tfpipeline.detection import (
    CutoffSweep,
    Detection,
    DetectionCurve,
    Detector,
    OperatingPoint,
    default_cutoffs,
)

LABELS = ("_silence_", "yes", "no")
CUTOFFS = (0.1, 0.3, 0.5, 0.8)


def most_hits(found: list[Detection], spoken: list[LabelledInterval], tolerance: float) -> int:
    """The largest number of words that detections can be given to: augmenting paths."""
    given_to: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        for j, word in enumerate(spoken):
            fits = word.start <= found[i].time <= word.end + tolerance
            if found[i].label == word.label and fits and j not in seen:
                seen.add(j)
                if j not in given_to or place(given_to[j], seen):
                    given_to[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in range(len(found)))


levels = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])
times = st.sampled_from([k / 64 for k in range(0, 40)])


@st.composite
def recordings(draw: Any) -> tuple[np.ndarray, list[LabelledInterval]]:
    frames = draw(st.integers(0, 30))
    rows = draw(st.lists(st.tuples(*[levels] * 3), min_size=frames, max_size=frames))
    words = []
    for label in draw(st.lists(st.sampled_from([*LABELS, "other"]), max_size=6)):
        start, end = sorted((draw(times), draw(times)))
        words.append(LabelledInterval(start, end, label))
    return np.array(rows).reshape(frames, 3), words


@settings(max_examples=200, deadline=None)
@given(
    st.lists(recordings(), min_size=1, max_size=3),
    st.integers(1, 4),
    st.sampled_from([0.0, 2 / 64, 5 / 64]),
    st.sampled_from([0.0, 3 / 64]),
)
def test_one_pass_counts_what_a_detector_for_each_cutoff_does(
    parts: list[tuple[np.ndarray, list[LabelledInterval]]],
    window: int,
    refractory: float,
    tolerance: float,
) -> None:
    # Seconds that are exact in binary, so that ends of intervals are no matter of rounding.
    same = {"window": window, "refractory": refractory, "frame_seconds": 1 / 64}
    sweep = CutoffSweep(LABELS, CUTOFFS, scores="independent", tolerance=tolerance, **same)
    for scores, words in parts:
        sweep.begin(words)
        for half in np.array_split(scores, 2):
            sweep.process(half)
        sweep.end(len(scores) / 64)
    curve = sweep.curve()
    for row, cutoff in enumerate(CUTOFFS):
        hits, false_alarms = [0, 0], [0, 0]
        for scores, words in parts:
            found = Detector(LABELS, cutoff, scores="independent", **same).process(scores)
            for i, word in enumerate(curve.words):
                own = [one for one in found if one.label == word]
                hit = most_hits(own, words, tolerance)
                hits[i] += hit
                false_alarms[i] += len(own) - hit
        assert curve.hits[row].tolist() == hits
        assert curve.false_alarms[row].tolist() == false_alarms
    assert curve.spoken.tolist() == [
        sum(one.label == word for _, words in parts for one in words) for word in curve.words
    ]
    assert curve.seconds == sum(len(scores) for scores, _ in parts) / 64


def test_a_second_detection_and_another_word_are_false_alarms() -> None:
    sweep = CutoffSweep(("yes", "no"), [0.5], 1, 0.0, "independent", tolerance=0.1)
    sweep.begin([LabelledInterval(0.1, 0.3, "yes")])
    scores = np.zeros((100, 2))
    # Times are 0.01 s after the start of a frame: before, within twice, too late; and "no".
    scores[[5, 15, 25, 45], 0] = 1
    scores[20, 1] = 1
    sweep.process(scores)
    sweep.end(seconds=1800)
    point = sweep.curve().at(0.5)
    assert (point.words, point.misses, point.false_alarms) == (1, 0, 4)
    assert point.miss_rate == 0 and point.false_alarms_per_hour == 8
    no = sweep.curve().at(0.5, "no")
    assert (no.words, no.miss_rate, no.false_alarms) == (0, None, 1)


def curve(misses: list[int], false_alarms: list[int], hours: float = 2.0) -> DetectionCurve:
    cutoffs = np.arange(1, len(misses) + 1) / 10
    hits = 10 - np.array(misses)[:, None]
    alarms = np.array(false_alarms)[:, None]
    return DetectionCurve(("go",), cutoffs, np.array([10]), hits, alarms, 3600 * hours)


@pytest.mark.parametrize(
    ("misses", "false_alarms", "most", "chosen"),
    [
        # Fewest misses within the limit, which counts an hour of the two.
        ([0, 1, 4], [9, 2, 0], 1.0, 0.2),
        ([0, 1, 4], [9, 2, 0], 0.5, 0.3),
        # Equal misses: the fewer false alarms; equal both: the one in the middle.
        ([0, 0, 4], [2, 1, 0], 1.0, 0.2),
        ([1, 1, 1, 1, 1, 3], [2, 0, 0, 0, 0, 0], 5.0, 0.3),
        ([0, 1, 4], [9, 5, 3], 1.0, None),
    ],
)
def test_the_operating_point(
    misses: list[int], false_alarms: list[int], most: float, chosen: float | None
) -> None:
    point = curve(misses, false_alarms).operating_point(most)
    assert (None if point is None else point.cutoff) == chosen


def test_rates_without_words_or_audio_are_none() -> None:
    point = OperatingPoint(0.5, 0, 0, 0, 0.0)
    assert point.miss_rate is None and point.false_alarms_per_hour is None
    assert point.to_dict()["false_alarms_per_hour"] is None


def test_a_cutoff_that_is_not_of_the_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="of the curve"):
        curve([0], [0]).at(0.123)


@pytest.mark.parametrize("cutoffs", [[], [0.5, 0.5], [0.6, 0.5], [0.0, 0.5], [[0.5]], [0.5, 1.1]])
def test_cutoffs_must_ascend(cutoffs: list[Any]) -> None:
    with pytest.raises(ValueError, match="`cutoffs`"):
        CutoffSweep(("go",), cutoffs)


def test_other_misuse_is_named() -> None:
    with pytest.raises(ValueError, match="`tolerance`"):
        CutoffSweep(("go",), tolerance=-1)
    with pytest.raises(RuntimeError, match="begin"):
        CutoffSweep(("go",)).process(np.zeros(1))


def test_the_default_cutoffs_ascend() -> None:
    CutoffSweep(("go",), default_cutoffs())
