"""Runs the program that the Python blocks of a page in docs/ make up together."""

from __future__ import annotations

import re
from pathlib import Path

_DOCS = Path(__file__).parents[2] / "docs"


def run_page(name: str, blocks: int) -> None:
    """Runs the page in the current folder.

    Args:
        name: of the file.
        blocks: how many blocks it has at least; fewer would mean that they are no longer found.
    """
    page = _DOCS / name
    found = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) >= blocks
    exec(compile("\n".join(found), str(page), "exec"), {"__name__": page.stem})
