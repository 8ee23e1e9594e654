"""Runs the program that docs/embeddings.md is made of."""

from __future__ import annotations

import pytest
from doc_page import run_page

pytestmark = pytest.mark.slow


def test_the_page_runs():
    run_page("embeddings.md", blocks=6)
