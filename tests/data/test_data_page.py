"""Runs the program that docs/data.md is made of, and looks up the names of its table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_page import run_page

import tfpipeline.data

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.mark.slow
def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    monkeypatch.chdir(tmp_path)
    run_page("data.md", blocks=2)
    printed = capsys.readouterr().out
    assert "permuted digits: 1077 train, 360 validation, 360 test samples of 64 steps" in printed
    assert re.search(r"keywords-000.wav 60.0 \d\d", printed)
    assert printed.count(" 60.0 0\n") == 3


def test_every_function_that_the_page_names_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:data\.)?((?:load|read|synthesize)_\w+[a-z])", text))
    assert len(named) >= 10
    assert not named - set(tfpipeline.data.__all__)
