"""The detector against its definition, written as a loop."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfpipeline.detection.cutoff_sweep
import tfpipeline.detection.detector
from tfpipeline.detection import Detector
from tfpipeline.detection.sliding_sums import SlidingSums
from tfpipeline.detection.units import score_units

LABELS = ("_silence_", "yes", "no")


def loop(units: np.ndarray, window: int, cutoff: int, refractory: int) -> list[tuple[int, int]]:
    """Frames and words by the definition in the docstring, with Python's integers."""
    found, free = [], 0
    for i in range(len(units)):
        rows = units[max(0, i - window + 1) : i + 1].tolist()
        sums = [sum(row[k] for row in rows) for k in range(units.shape[1])]
        best = sums.index(max(sums))
        if sums[best] >= cutoff * window and i >= free:
            found.append((i, best))
            free = i + max(refractory, 1)
    return found


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_it_finds_what_the_definition_finds_however_it_is_fed(data: Any) -> None:
    frames = data.draw(st.integers(0, 30))
    window = data.draw(st.integers(1, 8))
    cutoff = data.draw(st.sampled_from([1 / 65536, 0.1, 0.5, 0.9, 1.0]))
    refractory = data.draw(st.integers(0, 6))
    # Few levels, so that equal means occur.
    levels = st.sampled_from([0, 3, 128, 250, 255])
    rows = data.draw(st.lists(st.tuples(*[levels] * 3), min_size=frames, max_size=frames))
    scores = np.array(rows, np.uint8).reshape(frames, 3)
    detector = Detector(LABELS, cutoff, window, refractory / 100, first_frame_seconds=0.025)
    cuts = sorted(data.draw(st.lists(st.integers(0, frames), max_size=4)))
    for _ in range(2):
        detector.reset()
        found = [one for part in np.split(scores, cuts) for one in detector.process(part)]
        units = scores[:, 1:].astype(int) * 256
        limit = min(65535, max(1, round(cutoff * 65536)))
        expected = loop(units, window, limit, refractory)
        assert [(one.frame, one.label) for one in found] == [
            (frame, LABELS[1 + word]) for frame, word in expected
        ]
        for one in found:
            last = units[max(0, one.frame - window + 1) : one.frame + 1]
            mean = last[:, LABELS.index(one.label) - 1].sum() / window / 65536
            assert one.score == pytest.approx(mean, abs=1e-12)
            assert one.time == pytest.approx(0.025 + 0.01 * one.frame)


def test_sums_are_exact_where_they_are_largest() -> None:
    sums = SlidingSums(65536, 1)
    full = np.full((65537, 1), 65535, np.uint16)
    assert int(sums.process(full)[-1, 0]) == 65535 * 65536 < 2**32


def test_integers_of_a_quantized_softmax_are_its_probabilities() -> None:
    bytes_ = np.arange(256)[:, None]
    expected = score_units((bytes_ / 256).astype(np.float32), "probabilities")
    for values in (bytes_.astype(np.uint8), (bytes_ - 128).astype(np.int8)):
        np.testing.assert_array_equal(score_units(values, "logits"), expected)


def test_logits_are_those_of_a_softmax_or_of_a_single_sigmoid() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 3))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = score_units(logits, "logits").astype(float) / 65536
    np.testing.assert_allclose(found, softmax, atol=1 / 65536)
    extreme = np.array([[-2000.0], [-1.0], [0.0], [1.0], [2000.0]])
    expected = [0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 65535 / 65536]
    found = score_units(extreme, "logits")[:, 0] / 65536
    np.testing.assert_allclose(found, expected, atol=1 / 65536)


def test_a_word_that_stays_is_found_once_a_refractory_time() -> None:
    detector = Detector(("go",), 0.9, window=4, refractory=0.2, scores="independent")
    found = detector.process(np.full((50, 1), 0.95))
    assert [one.frame for one in found] == [3, 23, 43]


def test_silence_and_unknown_words_are_never_found() -> None:
    detector = Detector(("_silence_", "_unknown_", "go"), 0.1, 1, 0.0, "probabilities")
    assert detector.words == ("go",)
    assert detector.process(np.array([1.0, 0, 0])) == detector.process(np.array([0, 1.0, 0])) == []
    assert [one.label for one in detector.process(np.array([0.5, 0.3, 0.2]))] == ["go"]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros((4, 2), np.float32), r"shape \(3,\) or \(frames, 3\)"),
        (np.array([0.0, np.nan, 0.0]), "NaN"),
        (np.array([0, 1, 0]), "floating point, uint8 or int8"),
        (np.array([0.2, 1.5, 0.0]), 'scores="logits"'),
        (np.zeros((2, 2, 3)), "shape"),
    ],
)
def test_scores_that_do_not_fit_leave_the_detector_as_it_was(
    scores: np.ndarray, message: str
) -> None:
    detector = Detector(LABELS, 0.5, 2, scores="probabilities")
    detector.process(np.array([0, 0.9, 0.1]))
    with pytest.raises(ValueError, match=message):
        detector.process(scores)
    (found,) = detector.process(np.array([0, 0.9, 0.1]))
    assert (found.frame, found.label) == (1, "yes")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": "yes"}, "`labels`"),
        ({"labels": ("_silence_",)}, "`labels`"),
        ({"labels": ("yes", "yes")}, "`labels`"),
        ({"cutoff": 0}, "`cutoff`"),
        ({"cutoff": 1.5}, "`cutoff`"),
        ({"cutoff": float("nan")}, "`cutoff`"),
        ({"cutoff": "high"}, "`cutoff`"),
        ({"window": 0}, "`window`"),
        ({"window": 2.0}, "`window`"),
        ({"window": 65537}, "`window`"),
        ({"refractory": -1}, "`refractory`"),
        ({"frame_seconds": 0}, "`frame_seconds`"),
        ({"first_frame_seconds": -1}, "`first_frame_seconds`"),
        ({"scores": "logit"}, "`scores`"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detector(**{"labels": LABELS, **arguments})


@pytest.mark.parametrize(
    "module", [tfpipeline.detection.detector, tfpipeline.detection.cutoff_sweep]
)
def test_the_examples_run(module: Any) -> None:
    results = doctest.testmod(module)
    assert results.attempted and not results.failed
