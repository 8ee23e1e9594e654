"""Runs the program that docs/fastgrnn.md is made of."""

from __future__ import annotations

import pytest
from doc_page import run_page

pytestmark = pytest.mark.slow


def test_the_page_runs(tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    run_page("fastgrnn.md", blocks=3)
    # Of four kilobytes, as the page says.
    assert (tmp_path / "digits.fused.tflite").stat().st_size < 5000
