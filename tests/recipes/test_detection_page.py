"""The program of docs/detection.md runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_page import run_page


@pytest.mark.slow
def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_page("detection.md", blocks=2)
    out = capsys.readouterr().out
    assert out.splitlines()[0].startswith("yes at 2.")
    assert "(4, 2)" in out
