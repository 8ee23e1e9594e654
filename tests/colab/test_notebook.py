"""The notebook runs from top to bottom, and is committed without outputs."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.long
NOTEBOOKS = sorted((Path(__file__).parents[2] / "colab").glob("*.ipynb"))
CELL_SECONDS = 900
_LOGIC = re.compile(r"^\s*(def|class|for|while|if|try|with|lambda)\b", re.MULTILINE)


def test_there_is_a_notebook() -> None:
    assert [notebook.name for notebook in NOTEBOOKS] == ["keyword_spotting.ipynb"]


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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFPIPELINE_QUICK", "1")
    monkeypatch.setenv("TFPIPELINE_OUT", str(tmp_path / "out"))
    # A kernel of this very Python, whatever kernels the machine has registered.
    kernels = tmp_path / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "Python 3", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")

    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()

    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["quick"]
    assert {form["name"] for form in results["forms"]} >= {"portable int8", "fused int8"}
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000
    streaming_equals_whole = notebook.cells[find(notebook, "streamed == scores")].outputs[-1]
    assert streaming_equals_whole["data"]["text/plain"] == "True"


def find(notebook: nbformat.NotebookNode, text: str) -> int:
    return next(i for i, cell in enumerate(notebook.cells) if text in cell.source)
