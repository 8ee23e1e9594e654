"""What the verbs share in talking to a person or to a script."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def say_error(sentence: str) -> None:
    """Print one error line on standard error."""
    print(f"tfpipeline: error: {sentence}", file=sys.stderr)


def one_sentence(text: str) -> str:
    """Fold a message that runs over several lines into one."""
    return " ".join(text.split()) or "no reason was given"


def print_json(value: Any) -> None:
    """Print a result as JSON on standard output, for scripts."""
    print(json.dumps(value, indent=2, sort_keys=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print an aligned table: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, *rows):
        first, *others = row
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


def kilobytes(count: int) -> str:
    """Return a number of bytes in the unit that people compare models in: `81.4 kB`."""
    return f"{count / 1000:,.1f} kB"
