"""Writes label tracks that Audacity imports."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tfpipeline.data.audio.label_track import LabelledInterval


def write_label_track(path: str | os.PathLike[str], intervals: Iterable[LabelledInterval]) -> None:
    """Write a label file: lines of start, end and label, apart by tabs, seconds with six digits.

    Args:
        path: file to write.
        intervals: what is heard when.

    Raises:
        ValueError: a label holds a tab or the end of a line, which would not be read again.
    """
    lines = []
    for one in intervals:
        if any(sign in one.label for sign in "\t\r\n"):
            raise ValueError(
                f"write_label_track: a label must be one line without tabs; received {one.label!r}."
            )
        lines.append(f"{one.start:.6f}\t{one.end:.6f}\t{one.label}\n")
    Path(path).write_bytes("".join(lines).encode())
