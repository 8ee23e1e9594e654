"""Runs the program that docs/text_on_device.md is made of."""

from __future__ import annotations

import pytest
from doc_page import run_page

pytestmark = pytest.mark.slow


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page("text_on_device.md", blocks=3)
