"""What a user's mistake looks like: one sentence on standard error, and the right exit status."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_model import FEATURES, FRAMES, LABELS, Exported

from tfpipeline.data import write_wav


def tfpipeline(
    *arguments: object, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tfpipeline.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def sentence_of(run: subprocess.CompletedProcess[str]) -> str:
    """The single error line of a run that failed as it should."""
    assert run.returncode == 1, run.stderr
    assert run.stdout == ""
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    prefix = "tfpipeline: error: "
    assert lines[0].startswith(prefix)
    return lines[0].removeprefix(prefix)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    file = tmp_path / "clip.wav"
    noise = np.random.default_rng(0).normal(0, 0.1, 16000)
    write_wav(file, noise)
    return file


def test_a_missing_audio_file(exported: Exported, tmp_path: Path) -> None:
    run = tfpipeline("run", tmp_path / "no.wav", "--model", exported.report.portable)
    assert "no.wav" in sentence_of(run)


def test_a_missing_model(clip: Path, tmp_path: Path) -> None:
    assert "no.tflite" in sentence_of(tfpipeline("run", clip, "--model", tmp_path / "no.tflite"))


def test_a_missing_keras_model(tmp_path: Path) -> None:
    run = tfpipeline("export", tmp_path / "no.keras", "--data", tmp_path, "--out", "x.tflite")
    assert "no.keras" in sentence_of(run)


def test_a_missing_folder_of_speech(tmp_path: Path) -> None:
    run = tfpipeline("demo", "--data", tmp_path / "no", "--out", tmp_path / "out")
    assert str(tmp_path / "no") in sentence_of(run)


def test_a_folder_without_audio(tmp_path: Path) -> None:
    (tmp_path / "data" / "yes").mkdir(parents=True)
    (tmp_path / "data" / "yes" / "readme.txt").write_text("no audio here")
    run = tfpipeline("demo", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert str(tmp_path / "data") in sentence_of(run)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_tflite_model(clip: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(b"this is not a model, whatever its name says" * 10)
    assert "other.tflite" in sentence_of(tfpipeline("run", clip, "--model", other))


def test_a_tflite_model_that_is_not_ours(clip: Path, exported: Exported, tmp_path: Path) -> None:
    from tfpipeline.export import convert_stock

    stock = convert_stock(exported.model, tmp_path / "stock.tflite", FRAMES)
    sentence = sentence_of(tfpipeline("run", clip, "--model", stock))
    assert "stock.tflite" in sentence
    assert "model card" in sentence


def test_a_fused_model_without_the_plug_in(clip: Path, exported: Exported, tmp_path: Path) -> None:
    run = tfpipeline(
        "run",
        clip,
        "--model",
        exported.report.fused,
        environment={"TFPIPELINE_LIBRARY": str(tmp_path / "libgone.so")},
    )
    assert "libgone.so" in sentence_of(run)


def test_a_plug_in_for_another_architecture(clip: Path, exported: Exported, tmp_path: Path) -> None:
    riscv = 243
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, riscv, 1) + bytes(40)
    foreign = tmp_path / "libforeign.so"
    foreign.write_bytes(header)
    run = tfpipeline(
        "run",
        clip,
        "--model",
        exported.report.fused,
        environment={"TFPIPELINE_LIBRARY": str(foreign)},
    )
    sentence = sentence_of(run)
    assert "libforeign.so" in sentence
    assert "riscv" in sentence


def test_a_portable_model_needs_no_plug_in(clip: Path, exported: Exported, tmp_path: Path) -> None:
    run = tfpipeline(
        "run",
        clip,
        "--model",
        exported.report.portable,
        environment={"TFPIPELINE_LIBRARY": str(tmp_path / "libgone.so")},
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_streaming_says_the_same_as_whole(form: str, exported: Exported, tmp_path: Path) -> None:
    features = tmp_path / "features.npy"
    np.save(features, exported.held_out[0])
    whole = tfpipeline("run", features, "--model", getattr(exported.report, form), "--json")
    stream = tfpipeline(
        "run",
        features,
        "--stream",
        "--json",
        "--model",
        getattr(exported.report, f"stream_{form}"),
    )
    assert whole.returncode == stream.returncode == 0, whole.stderr + stream.stderr
    first, second = json.loads(whole.stdout), json.loads(stream.stdout)
    assert first["probabilities"] == second["probabilities"]
    assert tuple(first["probabilities"]) == LABELS
    assert (first["streamed"], second["streamed"]) == (False, True)


def test_features_of_another_width(exported: Exported, tmp_path: Path) -> None:
    features = tmp_path / "features.npy"
    np.save(features, np.zeros((FRAMES, FEATURES + 1), np.float32))
    run = tfpipeline("run", features, "--model", exported.report.portable)
    assert f"(frames, {FEATURES})" in sentence_of(run)


def test_a_whole_model_is_not_streamed(clip: Path, exported: Exported) -> None:
    run = tfpipeline("run", clip, "--stream", "--model", exported.report.portable)
    assert "--stream" in sentence_of(run)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    run = tfpipeline("report", tmp_path / "no.json", "--debug")
    assert run.returncode == 1
    assert "Traceback" in run.stderr
    assert run.stderr.splitlines()[-1].startswith("tfpipeline: error: There is no file")


@pytest.mark.parametrize(
    "arguments", [(), ("no-such-verb",), ("run",), ("demo", "--seed", "seven"), ("report",)]
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...]) -> None:
    run = tfpipeline(*arguments)
    assert run.returncode == 2
    assert "usage: tfpipeline" in run.stderr
