"""A trained wake word in its consumer, unchanged: pymicro-wakeword, and in TFLite-Micro."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from separate_environment import PYMICRO_WAKEWORD, TFLITE_MICRO
from wake_word import Spans, stream, trained, windows

import tfpipeline as tp
from tfpipeline.data import SynthesizerError
from tfpipeline.export import EsphomeReport, export_esphome
from tfpipeline.export.esphome.run_stream import WakeWordStream, as_device_stores

pytestmark = pytest.mark.long
pytest.importorskip("pymicro_features", reason="pymicro-features is not installed")

_SUPPORT = Path(__file__).resolve().parents[1] / "support"
STRIDE = 3
_HEARD_WITHIN = 0.6
"""Seconds after its end: the labels of the training last 0.25, and so does the window of a mean."""


@dataclass(frozen=True)
class Trained:
    """A wake word model, its export, and a stream of the same voices that it was not trained on."""

    model: Any
    report: EsphomeReport
    audio: np.ndarray
    spans: Spans


@pytest.fixture(scope="module")
def wake_word(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    try:
        heard, spans = stream(seed=0, wake_words=50, others=80)
    except SynthesizerError as error:
        pytest.skip(f"no synthesizer: {error}")
    features = tp.features.MicroFrontend()(heard)
    model = trained(features, spans)
    report = export_esphome(
        model,
        tmp_path_factory.mktemp("wake_word") / "okay_computer.json",
        wake_word="Okay Computer",
        calibration=windows(features, 150),
        stride=STRIDE,
        probability_cutoff=0.5,
    )
    return Trained(model, report, *stream(seed=1, wake_words=10, others=80))


def consumed(manifest: Path, audio: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    python = PYMICRO_WAKEWORD.executable()
    np.save(folder / "audio.npy", audio)
    done = subprocess.run(
        [python, _SUPPORT / "run_wake_word.py", manifest, folder / "audio.npy", folder / "out.npz"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    with np.load(folder / "out.npz") as found:
        return dict(found)


def test_the_consumer_hears_the_wake_word_and_nothing_else(
    wake_word: Trained, tmp_path: Path
) -> None:
    found = consumed(wake_word.report.manifest, wake_word.audio, tmp_path)
    times = np.flatnonzero(found["detected"]) / 100.0
    heard = [((end <= times) & (times < end + _HEARD_WITHIN)).any() for _, end in wake_word.spans]
    assert np.mean(heard) >= 0.9
    after = [(start <= times) & (times < end + _HEARD_WITHIN) for start, end in wake_word.spans]
    false = times[~np.any(after, axis=0)]
    assert len(wake_word.audio) > 2 * 60 * 16000 and len(false) == 0


def test_the_consumer_makes_the_features_that_the_model_is_trained_on(
    wake_word: Trained, tmp_path: Path
) -> None:
    audio = wake_word.audio[: 16000 * 5]
    found = consumed(wake_word.report.manifest, audio, tmp_path)
    np.testing.assert_array_equal(found["features"], tp.features.MicroFrontend()(audio))


def single(report: EsphomeReport, folder: Path) -> Path:
    """The manifest with a window of one call, so that the consumer tells each probability."""
    manifest = json.loads(report.manifest.read_text())
    manifest["micro"]["sliding_window_size"] = 1
    manifest["model"] = str(report.model)
    (folder / "single.json").write_text(json.dumps(manifest))
    return folder / "single.json"


def probabilities(report: EsphomeReport, audio: np.ndarray, folder: Path) -> np.ndarray:
    """What the consumer's interpreter puts out call by call, as the integers that they are."""
    found = consumed(single(report, folder), audio, folder)["probability"]
    steps = found[STRIDE - 1 :: STRIDE] * 256.0
    np.testing.assert_array_equal(steps, np.rint(steps))
    return steps.astype(int)


def in_micro(report: EsphomeReport, features: np.ndarray, folder: Path) -> np.ndarray:
    """The same in TFLite-Micro, with an arena of the size that the manifest says."""
    python = TFLITE_MICRO.executable()
    stored = as_device_stores(features[: len(features) // STRIDE * STRIDE])
    np.savez(folder / "in.npz", in_0=stored.reshape(-1, 1, STRIDE, stored.shape[-1]))
    script, arena = _SUPPORT / "run_micro.py", f"arena={report.tensor_arena_size}"
    command = [python, script, report.model, folder / "in.npz", folder / "micro.npz", "1", arena]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    with np.load(folder / "micro.npz") as found:
        return found["out_0"].reshape(-1).astype(int)


def test_the_consumer_and_tflite_micro_put_out_the_same_bits(
    wake_word: Trained, tmp_path: Path
) -> None:
    theirs = probabilities(wake_word.report, wake_word.audio, tmp_path)
    features = tp.features.MicroFrontend()(wake_word.audio)
    micro = in_micro(wake_word.report, features, tmp_path)
    assert np.ptp(micro) > 200
    np.testing.assert_array_equal(micro, theirs)


def test_litert_is_a_step_away_where_a_product_was_rounded_once(
    wake_word: Trained, tmp_path: Path
) -> None:
    theirs = probabilities(wake_word.report, wake_word.audio, tmp_path)
    features = tp.features.MicroFrontend()(wake_word.audio)
    ours = WakeWordStream(wake_word.report.model).process(features).astype(int)
    # LiteRT rounds an int16 product once, the others twice, and what differs passes through
    # the state: while the probability rises within a call, a step of the state is several of it.
    difference = np.abs(ours - theirs)
    assert (difference > 0).mean() < 0.1 and difference.max() <= 8


def test_the_stream_stays_with_keras_for_minutes(wake_word: Trained) -> None:
    features = tp.features.MicroFrontend()(wake_word.audio)
    ours = WakeWordStream(wake_word.report.model).process(features) / 256.0
    frames = len(ours) * STRIDE
    keras = wake_word.model.predict(features[None, :frames], verbose=0)[0, STRIDE - 1 :: STRIDE, 0]
    late = slice(len(ours) // 2, None)
    for part in (slice(None), late):
        # An 8-bit probability, weights of 8 bits, and a state that remembers in 16.
        assert np.sqrt(np.mean((ours[part] - keras[part]) ** 2)) < 0.05
    assert ((ours > 0.5) == (keras > 0.5)).mean() > 0.99


def test_the_manifest_says_what_the_device_needs(wake_word: Trained) -> None:
    report = wake_word.report
    manifest = json.loads(report.manifest.read_text())
    micro = manifest.pop("micro")
    assert manifest == {
        "type": "micro",
        "wake_word": "Okay Computer",
        "author": "",
        "model": "okay_computer.tflite",
        "trained_languages": ["en"],
        "version": 2,
    }
    assert micro == {
        "probability_cutoff": 0.5,
        "feature_step_size": 10,
        "sliding_window_size": 5,
        "tensor_arena_size": report.tensor_arena_size,
        "minimum_esphome_version": "2024.7.0",
    }
    # A quarter of the smallest of microWakeWord's models, and less memory.
    assert report.file_bytes < 55_000 / 4 and report.tensor_arena_size < 23_000
