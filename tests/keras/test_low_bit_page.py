"""Runs the program that docs/low_bit.md is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_page import run_page

pytestmark = pytest.mark.slow


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page("low_bit.md", blocks=6)
