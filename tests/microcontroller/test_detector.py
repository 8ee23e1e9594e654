"""The detector of the C header: against `tfpipeline.Detector`, and its C against its integers."""

from __future__ import annotations

import numpy as np
import pytest
from compiled import said
from hypothesis import given
from hypothesis import strategies as st
from integer_models import random_inputs, random_integer_model
from micro.boards import sums_of

from tfpipeline.detection import Detector
from tfpipeline.detection.units import INDEPENDENT, LOGITS, score_units
from tfpipeline.microcontroller import IntegerDetector
from tfpipeline.microcontroller.integer_probabilities import IntegerProbabilities, ToExponent

#: Units of 1/65536 by which a probability may differ from that of floating point: the docstring of
#: `IntegerProbabilities` promises it.
CLOSE = 8
LABELS = ("_silence_", "yes", "no", "up", "_unknown_")
MOST = 2**31 - 1


@pytest.mark.parametrize("unit", [0.1, 1.0, 37.5, 2.0**14, 1.7e6, 2.0**26, 1e13])
@pytest.mark.parametrize("classes", [1, 2, 12, 256])
def test_probabilities_are_those_of_floating_point(unit: float, classes: int) -> None:
    rng = np.random.default_rng(classes)
    spread = rng.choice([0.1, 1.0, 4.0, 12.0], (400, 1))
    logits = spread * rng.normal(size=(400, classes)) * unit
    scores = np.clip(np.rint(logits), -MOST - 1, MOST).astype(np.int32)
    exact = (scores / unit).astype(np.float64)
    for sigmoid in (True, False) if classes > 1 else (True,):
        found = IntegerProbabilities(unit, sigmoid)(scores).astype(np.int64)
        if sigmoid:
            small = np.exp(-np.abs(exact))
            expected = np.where(exact >= 0, 1, small) / (1 + small)
        else:
            powers = np.exp(exact - exact.max(axis=1, keepdims=True))
            expected = powers / powers.sum(axis=1, keepdims=True)
        assert np.abs(found - 65536 * expected).max() <= CLOSE


@given(unit=st.floats(1e-6, 1e14), distance=st.integers(0, 2**32 - 1))
def test_exponents_stay_within_32_bits(unit: float, distance: int) -> None:
    to = ToExponent.of(unit)
    kept = (min(distance, to.limit) + (1 << to.before >> 1)) >> to.before
    assert min(distance, to.limit) + (1 << to.before >> 1) < 2**32
    assert kept * to.multiplier + (1 << to.after >> 1) < 2**32
    found = int(to(np.int64(distance)))
    assert found >> 14 < 32
    exact = distance / unit / np.log(2.0) * 2**14
    if exact >= 24 * 2**14:
        # All of these powers are 0.
        assert found >= 24 * 2**14 - 1
        return
    # Half a step of the distance that is kept, half a step of the result, and its multiplier's.
    off = (2.0**to.before / 2) / unit / np.log(2.0) * 2**14
    assert abs(found - exact) <= off + 1 + 1e-4 * exact


@pytest.mark.parametrize("scores", [LOGITS, INDEPENDENT])
@pytest.mark.parametrize("window", [1, 7])
def test_the_same_words_are_found_as_by_the_detector(scores: str, window: int) -> None:
    detector = Detector(LABELS, 0.5, window, 0.3, scores, frame_seconds=0.02)
    unit, rng = 1.3e5, np.random.default_rng(1)
    # Words that come and go: a random walk with a pull to its middle.
    walk = np.zeros((3000, len(LABELS)))
    for t in range(1, len(walk)):
        walk[t] = 0.95 * walk[t - 1] + rng.normal(size=len(LABELS))
    integers = np.rint(walk * unit).astype(np.int32)
    ours = IntegerDetector(detector, len(LABELS), unit, sigmoid=scores == INDEPENDENT)
    found = [ours.process(part) for part in np.array_split(integers, 17)]
    floats = (integers / unit).astype(np.float32)
    values = floats if scores == LOGITS else 1 / (1 + np.exp(-floats))
    expected = detector.process(values)
    assert len(expected) > 20
    hits = [(i, LABELS[k]) for i, k in enumerate(np.concatenate(found)) if k >= 0]
    units = score_units(values, scores).astype(int)
    assert np.abs(ours.probabilities(integers).astype(int) - units).max() <= CLOSE + 1
    # A sum within that of the threshold may fall on either side: none here does.
    assert hits == [(one.frame, one.label) for one in expected]


@pytest.mark.slow
@pytest.mark.parametrize("scores", [LOGITS, INDEPENDENT])
@pytest.mark.parametrize("labels", [LABELS, ("yes",), ("yes", "no")])
def test_the_compiled_detector_has_the_bits_of_the_integers(
    scores: str, labels: tuple[str, ...]
) -> None:
    detector = Detector(labels, 0.3, 3, 0.05, scores, frame_seconds=0.01)
    model = random_integer_model("fast_grnn", 4, 9, classes=len(labels), detector=detector)
    inputs = random_inputs(model, 60)
    expected = sums_of(model, inputs)
    assert said(model, inputs) == expected
    assert model.detector is not None
    model.detector.reset()
    states = model.cell.sequence(inputs[None])[0]
    assert max(model.detector.process(model.scores(states))) >= 0


def test_a_detector_of_other_labels_is_refused() -> None:
    detector = Detector(("yes", "no"))
    with pytest.raises(ValueError, match="has 2 labels, and the model 3 scores"):
        IntegerDetector(detector, 3, 100.0)
    with pytest.raises(ValueError, match="must be a tfpipeline.Detector; received 'yes'"):
        IntegerDetector("yes", 3, 100.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most 256 labels and a refractory time below"):
        IntegerDetector(Detector(("yes",), refractory=1e9), 1, 100.0)
    with pytest.raises(ValueError, match="a detector needs the scores of a classifier"):
        random_integer_model("fast_rnn", classes=None, detector=detector)
