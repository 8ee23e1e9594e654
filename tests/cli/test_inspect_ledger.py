"""`tfpipeline inspect` with a Keras model: the size ledger, alone and beside a file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from small_model import Exported

from tfpipeline.cli.main import main
from tfpipeline.compress import ledger

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def saved(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("saved") / "kws.keras"
    exported.model.save(path)
    return str(path)


def test_a_keras_model_alone(
    exported: Exported, saved: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", saved]) == 0
    assert capsys.readouterr().out == f"{ledger(exported.model)}\n"
    assert main(["inspect", saved, "--json", "--bits", "32"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(ledger(exported.model, bits=32).to_dict()))
    assert printed["bytes"] == 4 * exported.model.count_params()


def test_a_file_beside_its_model(
    exported: Exported, saved: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fused = str(exported.report.fused)
    assert main(["inspect", fused, "--ledger", saved]) == 0
    text = capsys.readouterr().out
    assert "\nsize ledger\narray " in text and "\nruns on\n" in text
    assert re.search(r"KB, as counted by Kusupati et al\. 2018, FastGRNN\n", text)
    assert main(["inspect", fused, "--ledger", saved, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    counted = ledger(exported.model, tflite=fused)
    assert printed["ledger"] == json.loads(json.dumps(counted.to_dict()))
    assert printed["file_bytes"] == printed["ledger"]["file"]["bytes"]


@pytest.mark.parametrize("form", ["fused", "stream_fused", "portable", "stream_portable"])
def test_arrays_are_found_in_files(exported: Exported, form: str) -> None:
    path: Path = getattr(exported.report, form)
    counted = ledger(exported.model, tflite=path)
    assert counted.file is not None and counted.file.bytes == path.stat().st_size
    assert sum(counted.file.by_kind.values()) == counted.file.bytes
    assert counted.ratio == counted.file.bytes / counted.bytes
    found = {row.name: row for row in counted.rows if row.file_bytes is not None}
    if "fused" in form:
        # Every array is there; a number of a matrix takes a byte, of a bias four.
        assert len(found) == len(counted.rows)
    for row in found.values():
        bias = row.name.endswith("/bias")
        assert row.file_bytes == row.bytes * (4 if bias else 1), row
    held = sum(row.file_bytes or 0 for row in found.values()) + sum(counted.file.others.values())
    kinds = counted.file.by_kind
    assert held == kinds["weights"] + kinds["biases"] + kinds["constants"]


def test_what_needs_a_file_is_refused_without_one(
    saved: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in (["--try"], ["--target", "litert"], ["--ledger", saved]):
        assert main(["inspect", saved, *options]) == 2
        assert "need a .tflite file, and" in capsys.readouterr().err
    assert main(["inspect", saved.replace("kws", "none")]) == 1
    assert "is not there; expected a .keras file" in capsys.readouterr().err
