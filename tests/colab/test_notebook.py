"""The notebooks run from top to bottom, and are committed without outputs."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.long
NOTEBOOKS = sorted((Path(__file__).parents[2] / "colab").glob("*.ipynb"))
CELL_SECONDS = 900
_LOGIC = re.compile(r"^\s*(def|class|for|while|if|try|with|lambda)\b", re.MULTILINE)


def test_the_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        *("fastgrnn", "keyword_spotting", "low_bit_lstm", "text")
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_has_no_outputs_and_no_logic(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    for cell in code:
        source = "".join(cell["source"])
        assert cell["outputs"] == [], source
        assert cell["execution_count"] is None, source
        assert not _LOGIC.search(source), source
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info", "colab"}


def run_notebook(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the notebook with its outputs; its files are in `folder / "out"`."""
    monkeypatch.setenv("TFPIPELINE_QUICK", "1")
    monkeypatch.setenv("TFPIPELINE_OUT", str(folder / "out"))
    # A kernel of this very Python, whatever kernels the machine has registered.
    kernels = folder / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "Python 3", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")

    (path,) = (path for path in NOTEBOOKS if path.name == name)
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return notebook


def test_keyword_spotting_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = run_notebook("keyword_spotting.ipynb", tmp_path, monkeypatch)
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["quick"]
    assert {form["name"] for form in results["forms"]} >= {"portable int8", "fused int8"}
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000
    streaming_equals_whole = notebook.cells[find(notebook, "streamed == scores")].outputs[-1]
    assert streaming_equals_whole["data"]["text/plain"] == "True"


def test_fastgrnn_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = run_notebook("fastgrnn.ipynb", tmp_path, monkeypatch)
    for name in ("commands.tflite", "commands.fused.tflite", "commands.h"):
        assert (tmp_path / "out" / name).stat().st_size > 1000
    # Training, the ledger, two reports and the header say something.
    for text in ("model.fit", "print(ledger)", "tp.export.export(", "print(header)", "read_text"):
        assert notebook.cells[find(notebook, text)].outputs, text


def test_low_bit_lstm_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = run_notebook("low_bit_lstm.ipynb", tmp_path, monkeypatch)
    for name in ("ternary.png", "ternary_normalized.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "out").glob("*.tflite")}
    assert sizes["digits_w2a8.fused.tflite"] < sizes["digits_int8.fused.tflite"]
    (apart,) = notebook.cells[find(notebook, "np.abs(")].outputs[-1:]
    assert float(apart["data"]["text/plain"]) < 1e-5
    for text in ("ternary.fit", "print(w2a8)", "time_interleaved(", "print(tp.compress.ledger"):
        assert notebook.cells[find(notebook, text)].outputs, text


def test_text_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = run_notebook("text.ipynb", tmp_path, monkeypatch)
    for name in ("retraining.png", "accuracy_over_bytes.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "out").glob("*.tflite")}
    assert sizes["low_rank_int4.fused.tflite"] < sizes["whole_int8.fused.tflite"] / 2
    (folded,) = notebook.cells[find(notebook, "fold_embedding(")].outputs[-1:]
    assert float(folded["data"]["text/plain"].strip("[]").split(",")[0]) < 1e-3
    # Training, ledgers, the advice, a report and answers to texts say something.
    for text in ("model.fit", "print(tp.compress.ledger(model", "advise", "device =", "requests ="):
        assert notebook.cells[find(notebook, text)].outputs, text


def find(notebook: nbformat.NotebookNode, text: str) -> int:
    return next(i for i, cell in enumerate(notebook.cells) if text in cell.source)
