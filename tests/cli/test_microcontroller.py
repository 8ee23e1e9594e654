"""`tfpipeline export --microcontroller`: the header and its report."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from small_model import LABELS, settle, walk

from tfpipeline.cli import main as cli
from tfpipeline.layers import FastGRNN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("micro")
    model = keras.Sequential(
        [
            keras.Input((None, 40)),
            FastGRNN(8, activation="quant_tanh", recurrent_activation="quant_sigmoid", h_clip=1.0),
            keras.layers.Dense(len(LABELS), activation="softmax"),
        ]
    )
    settle(model).save(found / "fast.keras")
    np.save(found / "x.npy", walk(80))
    (found / "labels.txt").write_text("\n".join(LABELS) + "\n")
    return found


def run(folder: Path, *options: str) -> int:
    given = [option.replace("{}", str(folder)) for option in options]
    return cli.main(["export", str(folder / "fast.keras"), *given])


CALIBRATION = ("--calibration", "{}/x.npy")


def test_a_header_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--microcontroller", "{}/kws-1.h", "--labels", "{}/labels.txt", "--streaming")
    assert run(folder, *CALIBRATION, *options, "--cutoff", "0.6", "--window", "3") == 0
    said = capsys.readouterr().out
    assert "C header" in said and "flash: " in said and "detector: " in said
    text = (folder / "kws-1.h").read_text()
    assert "Classes: yes, no, up" in text and "#define KWS_1_WINDOW 3\n" in text
    report = json.loads((folder / "kws-1.h.report.json").read_text())
    assert report["streaming"] and report["form"]["path"].endswith("kws-1.h")
    assert not list(folder.glob("*.tflite"))


def test_a_header_beside_a_tflite_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--microcontroller", f"{tmp_path}/kws.h", "--out", f"{tmp_path}/kws.tflite")
    assert run(folder, *CALIBRATION, *files, "--forms", "portable", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["quantize"] == "int8" and report["c_header"]["name"] == "kws"
    assert {path.name for path in tmp_path.iterdir()} == {
        *("kws.h", "kws.h.report.json", "kws.tflite", "kws.card.json", "kws.report.json")
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CALIBRATION, "nothing to write: pass --out NAME.tflite, --microcontroller NAME.h"),
        ((*CALIBRATION, "--microcontroller", "{}/kws.c"), "path must end in .h"),
        ((*CALIBRATION, "--microcontroller", "{}/k.h", "--cutoff", "0.5"), "with --labels"),
        (
            (
                *(*CALIBRATION, "--microcontroller", "{}/k.h", "--labels", "{}/labels.txt"),
                *("--cutoff", "1.5"),
            ),
            "the detector cannot be made: `cutoff` must be a probability",
        ),
        (
            (*CALIBRATION, "--microcontroller", "{}/k.h", "--relative-error", "1e-6"),
            "the C header disagrees .* or pass --relative-error",
        ),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    folder: Path, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    assert run(folder, *options) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (folder / "k.h").exists()
