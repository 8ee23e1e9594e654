"""Words found in what a stream puts out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_model import LABELS, Exported

from tfpipeline.detection import Detector
from tfpipeline.features import LogMel
from tfpipeline.runtime import InputError, Streamer
from tfpipeline.runtime.stream_scores import StreamScores

FRONTEND = LogMel().to_config()


def card(**changes: Any) -> dict[str, Any]:
    output = {"name": "scores", "shape": [1, 3], "time_axis": False, "scores": "logits"}
    output |= changes.pop("output", {})
    found = {"labels": list(LABELS), "frontend": FRONTEND, "outputs": [output], "chunk": 1}
    return found | changes


def test_a_stream_makes_a_detector_of_its_scores(exported: Exported) -> None:
    stream = Streamer(exported.report.stream_portable)
    detector = stream.detector(cutoff=0.45, window=5, refractory=0.1)
    assert detector.words == LABELS
    audio = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    parts = [stream.process_audio(part) for part in np.split(audio, [100, 5000])]
    found = [one for part in parts for one in detector.process(part)]
    again = Detector(LABELS, 0.45, 5, 0.1, "logits", 0.01, 0.025)
    assert found == again.process(np.concatenate(parts))
    assert found
    assert all(one.time == pytest.approx(0.025 + 0.01 * one.frame) for one in found)


@pytest.mark.parametrize(
    ("found", "step", "first"),
    [
        (card(), 0.01, 0.025),
        # A row a call of five frames, and a row a frame of it.
        (card(chunk=5), 0.05, 0.065),
        (card(chunk=5, output={"shape": [1, 5, 3], "time_axis": True}), 0.01, 0.025),
    ],
)
def test_when_a_row_of_scores_is(found: dict[str, Any], step: float, first: float) -> None:
    rows = StreamScores.of("m.tflite", found)
    assert rows.frame_seconds == pytest.approx(step)
    assert rows.first_frame_seconds == pytest.approx(first)


def test_what_the_card_does_not_say_is_passed() -> None:
    found = card(labels=None, frontend=None, output={"scores": None})
    rows = StreamScores.of("m.tflite", found, ("a", "b", "c"), "independent", 0.02)
    assert rows == StreamScores(("a", "b", "c"), "independent", 0.02, 0.02)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (card(labels=None), "labels must name the 3 scores"),
        (card(labels=["yes"]), "labels must name the 3 scores"),
        (card(output={"scores": None}), "scores must be one of"),
        (card(frontend=None), "hop_seconds"),
        (card(outputs=[{"name": "a"}, {"name": "b"}]), "has the outputs"),
    ],
)
def test_what_a_detector_must_know_is_named(found: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        StreamScores.of("m.tflite", found)
