"""The Python of docs/microcontrollers.md runs, and its C compiles with the header it writes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from compiled import SANITIZE, compiler
from doc_page import run_page

_PAGE = Path(__file__).parents[2] / "docs" / "microcontrollers.md"
_MAIN = """
int main(void) {
  static const int16_t raw[KWS_FEATURES];
  int t;
  start();
  for (t = 0; t < 100; ++t)
    if (hear(raw) >= KWS_CLASSES) return 1;
  return 0;
}
"""


@pytest.mark.slow
def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_page("microcontrollers.md", blocks=1)
    assert "C header" in capsys.readouterr().out
    (program,) = re.findall(r"```c\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "main.c").write_text(program + _MAIN)
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", *SANITIZE]
    subprocess.run([compiler("gcc", "cc"), *flags, "main.c", "-o", "main"], check=True)
    subprocess.run(["./main"], check=True)
