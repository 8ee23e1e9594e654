"""Runs the program that docs/sparsity.md is made of."""

from __future__ import annotations

import pytest
from doc_page import run_page

pytestmark = pytest.mark.slow


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # it writes files
    run_page("sparsity.md", blocks=4)
