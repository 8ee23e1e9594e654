"""`tfpipeline verify`: samples as `tfpipeline export` takes them, against what the export found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_model import Exported

from tfpipeline.cli import main as cli
from tfpipeline.data import write_wav

pytestmark = pytest.mark.slow

Verify = Callable[..., int]


@pytest.fixture(scope="module")
def folder(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, and samples in every kind of file."""
    found = tmp_path_factory.mktemp("verify")
    exported.model.save(found / "model.keras")
    np.save(found / "x.npy", exported.held_out)
    np.savez(found / "x.npz", x=exported.held_out)
    np.save(found / "short.npy", exported.held_out[:, :5])
    (found / "clips").mkdir()
    for i in range(3):
        noise = np.random.default_rng(i).normal(0, 0.1, 3000 + 100 * i)
        write_wav(found / "clips" / f"{i}.wav", noise)
    return found


@pytest.fixture()
def verify(folder: Path, exported: Exported) -> Verify:
    def run(*options: str, files: tuple[str, ...] = ("portable",)) -> int:
        paths = [str(getattr(exported.report, name)) for name in files]
        given = [option.replace("{}", str(folder)) for option in options]
        return cli.main(["verify", *paths, "--model", str(folder / "model.keras"), *given])

    return run


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_arrays_give_the_errors_of_the_export(
    verify: Verify, exported: Exported, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    files = ("portable", "stream_fused")
    assert verify("--verification", f"{{}}/{name}", "--json", files=files) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [report["name"] for report in found] == ["portable", "stream fused"]
    for report in found:
        assert report["mean_error"] == exported.report.form(report["name"]).mean_error


def test_recordings_become_features_as_the_card_says(
    verify: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    # Noise is nothing that an untrained model tells apart: its best labels say nothing.
    options = ("--agreement", "0", "--relative-error", "1e9")
    assert verify("--verification", "{}/clips", *options, files=("portable", "fused")) == 0
    assert "relative error" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--verification", "{}/no.npy"), "verification: there is no file or folder"),
        (("--verification", "{}/short.npy"), r"must have the shape \(1, 24, 40\)"),
        (("--verification", "{}/model.keras"), "verification must be an array, .*is neither"),
        (
            ("--verification", "{}/x.npy", "--relative-error", "0"),
            r"relative error .* > 0, .* in channel \d of output 'scores' "
            r"\(is it the model that was exported, .*"
            r"or pass --relative-error 0\.\d+ if this is acceptable",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    verify: Verify, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert verify(*options) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("tfpipeline: error: ") and re.search(message, error), error


def test_files_are_looked_at_before_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "no.tflite")
    options = ["--model", str(tmp_path / "no.keras"), "--verification", str(tmp_path / "no.npy")]
    assert cli.main(["verify", missing, *options]) == 1
    assert f"{missing} does not exist" in capsys.readouterr().err


def test_samples_are_needed_once(verify: Verify) -> None:
    for options in ((), ("--verification", "{}/x.npy", "--data", "{}")):
        with pytest.raises(SystemExit) as stop:
            verify(*options)
        assert stop.value.code == 2
