"""Files whose front end is that of microcontrollers take audio as those of LogMel do."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from small_model import FEATURES, LABELS

from tfpipeline.data import write_wav
from tfpipeline.export import ExportReport, Tolerances, export
from tfpipeline.extras import MissingExtraError
from tfpipeline.features import MicroFrontend
from tfpipeline.recipes import run_file
from tfpipeline.recipes.open_scores import open_scores
from tfpipeline.recipes.stream_evaluation import StreamSettings, evaluate_stream
from tfpipeline.runtime import Interpreter, Streamer

pytest.importorskip("pymicro_features", reason="needs the extra [esphome]")
pytestmark = pytest.mark.slow
AUDIO = np.random.default_rng(0).normal(0, 3000, 16000).astype(np.int16)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    keras.utils.set_random_seed(0)
    head = keras.layers.Dense(len(LABELS))
    model = keras.Sequential([keras.Input((None, FEATURES)), keras.layers.GRU(4), head])
    return export(
        model,
        tmp_path_factory.mktemp("micro") / "model.tflite",
        calibration=MicroFrontend()(AUDIO)[:96].reshape(8, 12, FEATURES),
        streaming="both",
        forms=("portable",),
        labels=LABELS,
        frontend=MicroFrontend().to_config(),
        # The model is untrained.
        tolerances=Tolerances(0, 9, 99),
    )


def test_audio_goes_through_the_front_end_of_the_card(report: ExportReport) -> None:
    stream = Streamer(report.stream_portable)
    features = MicroFrontend()(AUDIO)
    expected = stream.joined([stream.process(frame) for frame in features])
    for _ in range(2):
        # A reset also forgets what the front end has adapted to.
        stream.reset()
        parts = [stream.process_audio(part) for part in np.split(AUDIO, [100, 500, 9000])]
        np.testing.assert_array_equal(np.concatenate(parts), expected)
    (entry,) = stream.card["inputs"]
    assert entry["unit"] == MicroFrontend.UNIT
    assert (entry["sample_rate"], entry["frame_rate"]) == (16000, 100)


def test_recordings_are_run_and_evaluated(report: ExportReport, tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", AUDIO)
    last = np.exp(Streamer(report.stream_portable).process_audio(AUDIO)[-1])
    found = run_file(report.stream_portable, tmp_path / "a.wav", stream=True)
    assert found.frames == 98
    np.testing.assert_allclose(found.probabilities, last / last.sum(), rtol=1e-6)
    whole = open_scores(report.portable, hop_seconds=0.05)
    features = MicroFrontend()(AUDIO)
    windows = np.stack([features[i : i + 12] for i in range(0, len(features) - 11, 5)])
    expected = Interpreter(report.portable).predict(windows)
    np.testing.assert_array_equal(whole.process(AUDIO), expected)
    assert whole.rows.first_frame_seconds == pytest.approx(0.03 + 0.01 * 11)
    settings = StreamSettings(cutoff=0.4)
    evaluated = evaluate_stream(report.stream_portable, tmp_path, settings=settings)
    assert evaluated.reported is not None and evaluated.test.seconds == 1.0


def test_without_its_package_features_are_taken_and_audio_is_not(
    report: ExportReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_features", None)
    stream = Streamer(report.stream_portable)
    assert stream.process(np.zeros(FEATURES, np.float32)).shape == (len(LABELS),)
    with pytest.raises(MissingExtraError, match=r"tfpipeline\[esphome\]"):
        stream.process_audio(AUDIO)
