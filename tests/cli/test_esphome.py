"""`tfpipeline export --esphome`: a wake word from a model file and features."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from small_model import settle

import tfpipeline as tp
from tfpipeline.cli import main as cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("esphome")
    layers = [tp.layers.FastGRNN(6), keras.layers.Dense(1, activation="sigmoid")]
    settle(keras.Sequential([keras.Input((None, 40)), *layers])).save(found / "model.keras")
    rng = np.random.default_rng(0)
    np.save(found / "x.npy", rng.uniform(0.0, 20.0, (20, 30, 40)).astype(np.float32))
    return found


def run(folder: Path, *options: str) -> int:
    return cli.main(["export", str(folder / "model.keras"), *options])


@pytest.mark.slow
def test_it_writes_the_manifest_and_the_model(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "okay.json"
    options = ["--calibration", str(folder / "x.npy"), "--esphome", str(manifest), "--stride", "1"]
    options += ["--language", "de", "--probability-cutoff", "0.8", "--json"]
    assert run(folder, *options) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["stride"], report["manifest_path"]) == (1, str(manifest))
    written = json.loads(manifest.read_text())
    assert (written["wake_word"], written["trained_languages"]) == ("okay", ["de"])
    assert written["micro"]["probability_cutoff"] == 0.8
    assert cli.main(["inspect", str(tmp_path / "okay.tflite"), "--target", "esphome"]) == 0
    assert "ESPHome wake word" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "or --esphome NAME.json"),
        (["--esphome", "{}/okay.json"], "pass --calibration with a .npy file of features"),
        (["--esphome", "{}/okay.json", "--out", "{}/x.tflite"], "--out does not go with --esphome"),
        (["--esphome", "{}/okay.json", "--data", "{}"], "--data does not go with --esphome"),
    ],
)
def test_what_is_missing_is_said(
    folder: Path,
    tmp_path: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(folder, *(option.format(tmp_path) for option in options)) == 1
    assert message in capsys.readouterr().err
