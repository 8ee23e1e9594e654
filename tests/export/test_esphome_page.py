"""The code of docs/esphome.md, run as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_page import run_page


@pytest.mark.slow
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pymicro_features", reason="pymicro-features is not installed")
    monkeypatch.chdir(tmp_path)
    run_page("esphome.md", blocks=3)
