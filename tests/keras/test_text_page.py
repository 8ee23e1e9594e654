"""Runs the program that docs/text.md is made of, and looks up the names in its tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_page import run_page

import tfpipeline.data

PAGE = Path(__file__).parents[2] / "docs" / "text.md"


@pytest.mark.slow
def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_page("text.md", blocks=5)
    printed = capsys.readouterr().out
    assert "book intents: 1200 train, 200 validation, 200 test texts of" in printed
    assert re.search(r"2 vectors of 3 numbers; 2 of \d+ words found", printed)


def test_every_function_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`((?:load|synthesize)_\w+)\(", PAGE.read_text(encoding="utf-8")))
    assert len(named) >= 6
    assert not named - set(tfpipeline.data.__all__)
