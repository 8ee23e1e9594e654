"""The command line itself, in this process: verbs, help, statuses."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest
from small_model import Exported

from tfpipeline.cli import main as cli
from tfpipeline.cli import report as report_verb
from tfpipeline.errors import TfpipelineError

VERBS = (
    "demo",
    "train",
    "compress",
    "advise",
    "train-stream",
    "export",
    "inspect",
    "verify",
    "run",
    "evaluate-stream",
    "benchmark",
    "report",
    "study",
    "doctor",
)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([verb, "--help"])
    assert not stop.value.code
    text = capsys.readouterr().out
    assert f"example: tfpipeline {verb}" in text
    assert "--debug" in text


def test_the_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert all(f"    {verb}" in text for verb in VERBS)


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (TfpipelineError("A sentence\n  in two lines."), 1, "A sentence in two lines."),
        (ValueError("rank: expected 1 or more, got 0."), 1, "rank: expected 1 or more, got 0."),
        (FileNotFoundError(2, "No such file or directory", "x.wav"), 1, "x.wav"),
        (
            ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow"),
            1,
            "pip install 'tfpipeline[train]'",
        ),
        (
            ModuleNotFoundError("No module named 'keras.src'", name="keras.src"),
            1,
            "pip install 'tfpipeline[train]'",
        ),
        (ZeroDivisionError("division by zero"), 1, "--debug"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_becomes_a_sentence_and_a_status(
    error: BaseException,
    status: int,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(arguments: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(report_verb, "run", fail)
    assert cli.main(["report", "results.json"]) == status
    captured = capsys.readouterr()
    assert shown in captured.err
    assert "Traceback" not in captured.err
    assert len(captured.err.strip().splitlines()) == 1


def test_benchmark_times_files_against_each_other(
    exported: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    report = exported.report
    files = [report.portable, report.fused, report.stream_fused]
    assert cli.main(["benchmark", *map(str, files), "--rounds", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"commit", "dirty", "machine"} <= set(found)
    rows = found["models"]
    assert [row["unit"] for row in rows] == ["utterance", "utterance", "frame"]
    assert all(row["timing"]["min"] > 0 for row in rows)
    assert rows[0]["bytes"] == report.portable.stat().st_size


def test_benchmark_can_hold_the_plug_in_to_other_kernels(
    exported: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    fused = str(exported.report.fused)
    assert cli.main(["benchmark", fused, "--rounds", "2", "--isa", "c"]) == 0
    capsys.readouterr()
    assert cli.main(["benchmark", fused, "--isa", "mmx"]) == 1
    assert "mmx" in capsys.readouterr().err


def test_doctor_finds_what_the_tests_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    findings = {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert findings["native plug-in"]["ok"]
    assert findings["keras"]["ok"]


def test_doctor_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TFPIPELINE_LIBRARY", str(tmp_path / "libgone.so"))
    assert cli.main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "NO  native plug-in" in text
    assert "libgone.so" in text


def test_a_missing_extra_is_named_by_the_package_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import tfpipeline

    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.delitem(sys.modules, "tfpipeline.layers", raising=False)
    monkeypatch.delitem(vars(tfpipeline), "layers", raising=False)
    for name in [name for name in sys.modules if name.startswith("tfpipeline.layers.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match="tfpipeline\\[train\\]"):
        _ = tfpipeline.layers


def test_a_demo_without_its_extras_stops_before_it_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tfpipeline.extras.find_spec", lambda name: None)
    assert cli.main(["demo", "--out", str(tmp_path / "out")]) == 1
    assert "pip install 'tfpipeline[train]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
