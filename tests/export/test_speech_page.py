"""Runs the program that docs/speech.md is made of."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "speech.md"


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 6
    program = compile("\n".join(blocks), str(PAGE), "exec")
    exec(program, {"__name__": "speech_page"})
    assert (tmp_path / "speech.fused.tflite").is_file()
