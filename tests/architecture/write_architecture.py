"""Writes the picture of docs/architecture.md and the table in it.

    python tests/architecture/write_architecture.py

Run it after a change of the imports between folders, and look at the picture.
"""

from __future__ import annotations

import re

from draw_folders import picture
from folder_table import folder_table
from imports import ROOT

PICTURE = ROOT / "docs" / "architecture.svg"
PAGE = ROOT / "docs" / "architecture.md"
_TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=\n<!-- end of table -->)", re.DOTALL)


def page() -> str:
    """Return the text of docs/architecture.md with the table of today's folders."""
    table = folder_table(ROOT)
    text, count = _TABLE.subn(lambda _: table, PAGE.read_text(encoding="utf-8"))
    assert count == 1, f"{PAGE} must have one table between its comments"
    return text


if __name__ == "__main__":
    PICTURE.write_text(picture(ROOT), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
