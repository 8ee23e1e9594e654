"""Streams of several outputs, and of several time steps a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, Exported, walk

from tfpipeline.export import ExportReport, Tolerances, export
from tfpipeline.features import LogMel, LogMelConfig
from tfpipeline.recipes import run_file
from tfpipeline.recipes.run_inputs import RunError
from tfpipeline.runtime import Interpreter, ModelFileError, Streamer

L = keras.layers
LOOSE = Tolerances(0, 9, 99)
"""The models are untrained: only what a stream gives is looked at, bit for bit."""


def with_biases(model: keras.Model) -> keras.Model:
    for weight in model.weights:
        if "bias" in weight.path:
            weight.assign(np.random.default_rng(1).normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="module")
def upsampled(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    """Two frames a call beside one vector a call."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, FEATURES))
    x = L.GRU(6, return_sequences=True)(inputs)
    frames = L.UpSampling1D(2)(L.Dense(3)(x))
    model = with_biases(keras.Model(inputs, {"frames": frames, "voice": L.Dense(1)(L.GRU(4)(x))}))
    path = tmp_path_factory.mktemp("streamer") / "model.tflite"
    options = {"streaming": "both", "frontend": LogMel().to_config(), "tolerances": LOOSE}
    return export(model, path, calibration=walk(8), **options)


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_every_time_step_of_a_call_comes_out(upsampled: ExportReport, form: str) -> None:
    assert all(f.equals_whole for f in upsampled.forms if f.name.startswith("stream"))
    sample = walk(1, seed=2)
    whole = Interpreter(getattr(upsampled, form)).predict(sample)
    stream = Streamer(getattr(upsampled, f"stream_{form}"))
    results = [stream.process(frame) for frame in sample[0]]
    assert results[0]["frames"].shape == (2, 3) and results[0]["voice"].shape == (1,)
    joined = stream.joined(results)
    np.testing.assert_array_equal(joined["frames"], whole["frames"][0])
    np.testing.assert_array_equal(joined["voice"][-1], whole["voice"][0])


def test_audio_gives_every_output_by_name(upsampled: ExportReport) -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 2000).astype(np.float32)
    stream = Streamer(upsampled.stream_portable)
    expected = stream.joined([stream.process(frame) for frame in LogMel()(audio)])
    stream.reset()
    parts = [stream.process_audio(part) for part in np.split(audio, [100, 450, 1900])]
    assert [len(part["voice"]) for part in parts] == [0, 1, 9, 1]
    for name, shape in (("frames", (22, 3)), ("voice", (11, 1))):
        found = np.concatenate([part[name] for part in parts])
        assert found.shape == shape and found.dtype == np.float32
        np.testing.assert_array_equal(found, expected[name])


def test_a_file_with_several_outputs_is_run(upsampled: ExportReport, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", walk(1, seed=2)[0])
    whole = run_file(upsampled.portable, tmp_path / "x.npy").to_dict()
    streamed = run_file(upsampled.stream_portable, tmp_path / "x.npy", stream=True).to_dict()
    assert whole["outputs"] == streamed["outputs"]
    assert set(whole["outputs"]) == {"frames", "voice"}
    expected = Interpreter(upsampled.portable).predict(walk(1, seed=2))
    assert list(whole["outputs"]["frames"]["scores"].values()) == expected["frames"][0, -1].tolist()


def test_a_front_end_of_another_width_is_named(upsampled: ExportReport) -> None:
    stream = Streamer(upsampled.stream_portable)
    stream._windows = LogMelConfig(num_mels=20)
    with pytest.raises(ModelFileError, match="frames of 20 features: feed features to process"):
        stream.process_audio(np.zeros(400))


@pytest.fixture(scope="module")
def chunked(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames a call, whole sequences in the same file, and a bounded length."""
    path = tmp_path_factory.mktemp("chunked") / "model.tflite"
    options: dict[str, Any] = {
        "streaming": "both",
        "one_file": True,
        "chunk": 4,
        "length": "bounded",
    }
    options |= {"frontend": LogMel().to_config(), "labels": ["yes", "no", "up"]}
    report = export(exported.model, path, calibration=walk(16), forms=("portable",), **options)
    return Path(report.portable)


def test_frames_that_do_not_fill_a_call_are_counted(chunked: Path, tmp_path: Path) -> None:
    features = walk(1, seed=2)[0]
    np.save(tmp_path / "x.npy", features[:23])
    scores = run_file(chunked, tmp_path / "x.npy", stream=True)
    assert (scores.frames, scores.left_over, scores.streamed) == (20, 3, True)
    np.save(tmp_path / "x.npy", features[:20])
    whole = run_file(chunked, tmp_path / "x.npy")
    assert (whole.frames, whole.left_over, whole.streamed) == (20, 0, False)
    np.testing.assert_array_equal(scores.probabilities, whole.probabilities)
    np.save(tmp_path / "x.npy", features[:3])
    with pytest.raises(RunError, match="holds 3 frames, but .* takes 4 a call; feed it more"):
        run_file(chunked, tmp_path / "x.npy", stream=True)


def test_audio_that_does_not_fill_a_call_is_counted(chunked: Path, tmp_path: Path) -> None:
    from tfpipeline.data import write_wav

    audio = np.random.default_rng(0).normal(0, 0.1, 400 + 160 * 12)
    write_wav(tmp_path / "a.wav", audio)
    scores = run_file(chunked, tmp_path / "a.wav", stream=True)
    assert (scores.frames, scores.left_over) == (12, 1)
    write_wav(tmp_path / "a.wav", audio[: 400 + 160 * 2])
    with pytest.raises(RunError, match="too short for one call"):
        run_file(chunked, tmp_path / "a.wav", stream=True)


def test_shorter_audio_is_run_at_its_own_length(chunked: Path, tmp_path: Path) -> None:
    """Silence at the end would be counted as speech."""
    from tfpipeline.data import read_wav, write_wav

    audio = np.random.default_rng(0).normal(0, 0.1, 400 + 160 * 9)
    write_wav(tmp_path / "a.wav", audio)
    features = LogMel()(read_wav(tmp_path / "a.wav"))
    raw = Interpreter(chunked).predict(features[None])[0]
    expected = np.exp(raw - raw.max())
    scores = run_file(chunked, tmp_path / "a.wav")
    assert scores.frames == 10
    np.testing.assert_array_equal(scores.probabilities, expected / expected.sum())
    np.save(tmp_path / "a.npy", features)
    same = run_file(chunked, tmp_path / "a.npy")
    np.testing.assert_array_equal(same.probabilities, scores.probabilities)
    # Longer audio is cut to the bound; of an array nobody would know.
    write_wav(tmp_path / "long.wav", np.tile(audio, 3))
    assert run_file(chunked, tmp_path / "long.wav").frames == 24
    np.save(tmp_path / "long.npy", np.tile(features, (3, 1)))
    with pytest.raises(RunError, match="holds 30 frames, but .* takes 1 to 24; cut or pad it"):
        run_file(chunked, tmp_path / "long.npy")
    write_wav(tmp_path / "short.wav", audio[:399])
    with pytest.raises(RunError, match="too short"):
        run_file(chunked, tmp_path / "short.wav")


@pytest.mark.parametrize("length", [0, -1, 11, 10.0, True, "3", np.array([3])])
def test_a_length_is_a_whole_number_of_the_sample(chunked: Path, length: Any) -> None:
    interpreter, sample = Interpreter(chunked), walk(1, seed=2)[0, :10]
    interpreter.set_input(sample, length=np.int64(10))
    interpreter.invoke()
    before = interpreter.output()
    with pytest.raises(ValueError, match="length must be a whole number|must have 1 to 24 time"):
        interpreter.set_input(sample, length=length)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.output(), before)
