"""`tfpipeline export`: its options, against what `export()` gets and writes."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import LABELS, Exported, walk

from tfpipeline.cli import export as verb
from tfpipeline.cli import export_options
from tfpipeline.cli import main as cli
from tfpipeline.cli.tolerances import advice_in_options
from tfpipeline.data import write_wav
from tfpipeline.errors import TfpipelineError
from tfpipeline.export import Tolerances
from tfpipeline.export.modes import ALIASES, MODES
from tfpipeline.export.options import COMPARE, ExportOptions
from tfpipeline.export.quantize.ranges import CLIPPINGS
from tfpipeline.export.refusal import refusal
from tfpipeline.export.verify.problems import Problem
from tfpipeline.features import LogMel
from tfpipeline.runtime import Interpreter, Streamer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model, arrays, recordings, labels."""
    found = tmp_path_factory.mktemp("cli")
    model.save(found / "model.keras")
    np.save(found / "x.npy", walk(8))
    np.savez(found / "held_out.npz", x=walk(4, seed=1))
    rng = np.random.default_rng(0)
    (found / "clips").mkdir()
    for i in range(4):
        write_wav(found / "clips" / f"{i}.wav", rng.normal(0, 0.1, 8000))
    (found / "labels.txt").write_text("\n".join(LABELS) + "\n")
    (found / "frontend.json").write_text(json.dumps(LogMel().to_config()))
    return found


Export = Callable[..., int]


@pytest.fixture()
def export(folder: Path, tmp_path: Path) -> Export:
    def run(*options: str) -> int:
        paths = [o.replace("{}", str(folder)) for o in options]
        out = str(tmp_path / "out" / "m.tflite")
        return cli.main(["export", str(folder / "model.keras"), "--out", out, *paths])

    return run


def test_arrays_become_files_of_any_format(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--calibration", "{}/x.npy", "--verification", "{}/held_out.npz", "--json"]
    options += ["--quantize", "int8", "--override", "dense*=float32", "--override", "first=int8x4"]
    options += ["--streaming", "--chunk", "4", "--state", "internal", "--forms", "portable"]
    options += ["--clipping", "mse", "--bias-correction", "--labels", "{}/labels.txt", "--c-array"]
    options += ["--metric", "test_accuracy=0.5", "--description", "noise", "--license", "CC0-1.0"]
    options += ["--sensitivity"]
    assert export(*options) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["overrides"] == {"dense*": "float32", "first": "int8x4"}
    assert report["calibration"]["source"] == "npy" and report["calibration"]["name"] == "x.npy"
    assert report["calibration"]["clipping"] == "mse" and report["calibration"]["bias_correction"]
    assert report["verification"]["source"] == "npz" and report["verification"]["samples"] == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "m.c",
        "m.card.json",
        "m.h",
        "m.report.json",
        "m.stream.c",
        "m.stream.card.json",
        "m.stream.h",
        "m.stream.tflite",
        "m.tflite",
    ]
    card = Streamer(tmp_path / "out" / "m.stream.tflite").card
    assert (card["chunk"], card["labels"]) == (4, list(LABELS))
    assert all("variable" in state for state in card["states"])
    assert card["metrics"] == {"test_accuracy": 0.5}
    assert (card["description"], card["license"]) == ("noise", "CC0-1.0")


def test_only_streaming_models_of_integers(export: Export, tmp_path: Path) -> None:
    options = ("--quantize", "int16x8", "--io", "int16", "--streaming-only")
    assert export("--calibration", "{}/x.npy", *options) == 0
    assert [path.name for path in (tmp_path / "out").glob("*.tflite")] == ["m.stream.tflite"]
    card = Streamer(tmp_path / "out" / "m.stream.tflite").card
    assert card["inputs"][0]["dtype"] == "int16"


def test_sequences_of_bounded_length(export: Export, tmp_path: Path) -> None:
    assert export("--calibration", "{}/x.npy", "--forms", "portable", "--length", "bounded") == 0
    shorter = walk(2)[:, :5]
    assert Interpreter(tmp_path / "out" / "m.tflite").predict(shorter).shape == (2, len(LABELS))


def test_one_file_for_sequences_and_streams(export: Export, tmp_path: Path) -> None:
    options = ("--calibration", "{}/x.npy", "--forms", "portable", "--streaming", "--one-file")
    assert export(*options, "--chunk", "2", "--c-array") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["m.c", "m.card.json", "m.h", "m.report.json", "m.tflite"]
    assert Streamer(tmp_path / "out" / "m.tflite").chunk == 2
    assert Interpreter(tmp_path / "out" / "m.tflite").predict(walk(2)).shape == (2, len(LABELS))


@pytest.mark.parametrize("source", ["json", "card", "tflite"])
def test_recordings_with_the_frontend_of_an_earlier_export(
    export: Export, exported: Exported, tmp_path: Path, source: str
) -> None:
    before = exported.report.portable
    files = {"json": "{}/frontend.json", "card": before.with_suffix(".card.json"), "tflite": before}
    options = ("--frontend", str(files[source]), "--forms", "portable")
    assert export("--calibration", "{}/clips", *options) == 0
    card = Interpreter(tmp_path / "out" / "m.tflite").card
    assert card["calibration"]["source"] == "folder"
    assert card["frontend"] == LogMel().to_config()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "nothing to calibrate with: pass --data with a folder of speech, or --calibration"),
        (("--calibration", "{}/no.npy"), "there is no file or folder"),
        (("--calibration", "{}/clips"), "is a folder of audio, .* pass --frontend with a .tflite"),
        (("--calibration", "{}/labels.txt"), "labels.txt', which is neither"),
        (("--calibration", "{}/x.npy", "--labels", "{}/no.txt"), "--labels .* cannot be read"),
        (("--calibration", "{}/x.npy", "--labels", "{}/x.npy"), "--labels .* it is not text"),
        (("--calibration", "{}/x.npy", "--frontend", "{}/labels.txt"), "labels.txt is not JSON"),
        (("--calibration", "{}/x.npy", "--quantize", "int4", "--io", "int8"), "io must be one of"),
        (
            ("--calibration", "{}/x.npy", "--agreement", "1.1"),
            "agreement 1.0000 < 1.1.* or pass --agreement 1 if this is acceptable$",
        ),
        (
            ("--calibration", "{}/x.npy", "--relative-error", "0", "--agreement", "1.1"),
            r"> 0 .* or pass --agreement 1 --relative-error 0\.\d+ if this is acceptable$",
        ),
        (("--calibration", "{}/x.npy", "--override", "x=int4"), "overrides has 'x', which is no"),
    ],
)
def test_a_mistake_is_one_sentence(
    export: Export,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    assert export(*options) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("tfpipeline: error: ") and re.search(message, error), error
    assert not list(tmp_path.rglob("*.tflite"))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--quantize", "int3", "invalid choice: 'int3'"),
        ("--override", "dense", "expected LAYER=MODE with a MODE of float32, .* received 'dense'"),
        ("--override", "dense=int3", "received 'dense=int3'"),
        ("--metric", "accuracy", "expected NAME=VALUE such as test_accuracy=0.98"),
        ("--metric", "accuracy=high", "received 'accuracy=high'"),
    ],
)
def test_wrong_usage_is_status_2(
    export: Export, capsys: pytest.CaptureFixture[str], option: str, value: str, message: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        export(option, value)
    assert stop.value.code == 2
    assert re.search(message, capsys.readouterr().err)


def test_the_help_names_what_the_exporter_knows() -> None:
    assert (tuple(MODES), tuple(ALIASES)) == (export_options.MODES, export_options.ALIASES)
    assert (*CLIPPINGS, COMPARE) == export_options.CLIPPINGS


def test_a_tolerance_replaces_only_itself() -> None:
    def tolerances(**given: Any) -> Any:
        options = {"quantize": "int8", "override": [], **given}
        return verb._tolerances(argparse.Namespace(**options))

    assert tolerances() == Tolerances()
    assert tolerances(relative_error=0.3) == Tolerances(relative_error=0.3)
    assert tolerances(drift=3.0) == Tolerances(drift=3.0)
    fine, coarse = tolerances(agreement=0.9), tolerances(agreement=0.9, quantize="int4")
    assert fine.agreement == coarse.agreement == 0.9
    assert fine.relative_error < coarse.relative_error
    mixed = tolerances(agreement=0.9, override=[("dense", "int4")])
    assert mixed.relative_error == coarse.relative_error


def all_forms() -> ExportOptions:
    """The options of an export of everything."""
    return ExportOptions.check(
        *("a.tflite", {}),
        **dict(quantize="int8", overrides={}, streaming="both", chunk=1, state="explicit"),
        **dict(one_file=False, length="fixed", io="float32", forms=None, clipping="minmax"),
        bias_correction=False,
    )


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("stream portable", "--forms fused writes it; whole sequences are sound: the same command"),
        ("fused", "--forms portable writes it"),
    ],
)
def test_advice_names_options(exported: Exported, wrong: str, advice: str) -> None:
    problem = Problem(wrong, "after 980 steps", {"drift": 3.0}, verb="drifts")
    refused = refusal([problem], exported.report, all_forms(), {}, None, None, None)
    with pytest.raises(TfpipelineError) as found, advice_in_options():
        raise refused
    message = str(found.value)
    assert advice in message and message.endswith("or pass --drift 3 if this is acceptable")
    assert not re.search(r"forms=|streaming=|Tolerances", message)


@pytest.mark.parametrize(("stream", "said"), [(5.0, True), (1.5, False)])
def test_a_state_that_grows_over_a_stream_is_named(
    exported: Exported, stream: float, said: bool
) -> None:
    problem = Problem("stream fused", "after 980 steps", {"drift": 3.0}, verb="drifts")
    growth = {"rnn": (1.0, stream), "other": (1.0, 1.0)}
    refused = refusal([problem], exported.report, all_forms(), {}, None, None, None, growth)
    advice = "the state of layer 'rnn' reaches 5 in a stream of ten samples and 1 in one"
    assert (advice in str(refused)) == said and ("h_clip" in str(refused)) == said


def test_clipping_can_be_compared(export: Export, capsys: pytest.CaptureFixture[str]) -> None:
    assert export("--calibration", "{}/x.npy", "--clipping", "compare") == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.split()[:1] in [["minmax"], ["percentile"], ["mse"]]]
    assert len(rows) == 6 and sum(row.endswith("chosen") for row in rows) == 1
