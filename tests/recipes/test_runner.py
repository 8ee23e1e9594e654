"""One file through an exported model, in every way that it can be fed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_model import FEATURES, FRAMES, LABELS, Exported

from tfpipeline.data import write_wav
from tfpipeline.features import LogMel
from tfpipeline.recipes import run_file, verify_files
from tfpipeline.recipes.runner import RunError
from tfpipeline.runtime import Interpreter

SAMPLES = 400 + 160 * (FRAMES - 1)


@pytest.mark.parametrize("length", [SAMPLES // 2, SAMPLES, SAMPLES + 1000])
def test_audio_is_padded_or_cut_to_the_model(
    length: int, exported: Exported, tmp_path: Path
) -> None:
    audio = np.random.default_rng(0).integers(-3000, 3000, length).astype(np.int16)
    write_wav(tmp_path / "clip.wav", audio)
    scores = run_file(exported.report.portable, tmp_path / "clip.wav")
    fitted = np.zeros(SAMPLES, np.int16)
    fitted[: min(length, SAMPLES)] = audio[:SAMPLES]
    raw = Interpreter(exported.report.portable).predict(LogMel()(fitted)[None])[0]
    expected = np.exp(raw - raw.max())
    np.testing.assert_array_equal(scores.probabilities, expected / expected.sum())
    assert scores.frames == FRAMES
    assert scores.labels == LABELS


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_streamed_audio_equals_whole_audio(form: str, exported: Exported, tmp_path: Path) -> None:
    audio = np.random.default_rng(1).normal(0, 0.1, SAMPLES)
    write_wav(tmp_path / "clip.wav", audio)
    whole = run_file(getattr(exported.report, form), tmp_path / "clip.wav")
    streamed = run_file(
        getattr(exported.report, f"stream_{form}"), tmp_path / "clip.wav", stream=True
    )
    np.testing.assert_array_equal(whole.probabilities, streamed.probabilities)


def test_best_is_sorted_and_complete(exported: Exported, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", exported.held_out[0])
    scores = run_file(exported.report.fused, tmp_path / "x.npy")
    best = scores.best(10)
    assert sorted(label for label, _ in best) == sorted(LABELS)
    assert [p for _, p in best] == sorted((p for _, p in best), reverse=True)
    assert sum(p for _, p in best) == pytest.approx(1.0)
    assert scores.to_dict()["label"] == best[0][0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.mp3", b"ID3", "neither"),
        ("x.npy", b"not an array", "cannot be read"),
        ("x.npy", np.zeros((FRAMES, FEATURES - 1)), "expected numbers of the shape"),
        ("x.npy", np.zeros((FRAMES + 1, FEATURES)), "cut or pad"),
        ("x.npy", np.zeros(FEATURES), "expected numbers of the shape"),
    ],
)
def test_a_file_that_does_not_fit_is_named(
    name: str, content: bytes | np.ndarray, message: str, exported: Exported, tmp_path: Path
) -> None:
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, content)
    with pytest.raises(RunError, match=message) as caught:
        run_file(exported.report.portable, file)
    assert name in str(caught.value)


def test_files_are_verified_again(exported: Exported) -> None:
    files = [exported.report.portable, exported.report.fused, exported.report.stream_fused]
    reports = verify_files(exported.model, files, exported.held_out)
    assert [report.name for report in reports] == ["portable", "fused", "stream fused"]
    assert [report.mean_error for report in reports] == [
        exported.report.form(report.name).mean_error for report in reports
    ]


def test_files_of_another_model_are_found_out(exported: Exported) -> None:
    import keras

    from tfpipeline.export import VerificationError

    keras.utils.set_random_seed(99)
    other = keras.Sequential(
        [keras.Input((None, FEATURES)), keras.layers.GRU(8), keras.layers.Dense(len(LABELS))]
    )
    with pytest.raises(VerificationError, match="portable"):
        verify_files(other, [exported.report.portable], exported.held_out)
