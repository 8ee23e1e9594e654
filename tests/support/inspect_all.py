"""Asks everything of a file that a user can ask, within time and memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

from tfpipeline.inspection import inspect_model, render
from tfpipeline.runtime import ModelFileError

#: Far above what any of these files takes (0.06 s where this was written), far below a hang.
SECONDS = 10
MEGABYTES = 64


def look(path: Path, data: bytes) -> str:
    """Everything that a user can ask of a file; the sentence, when it is refused."""
    path.write_bytes(data)
    try:
        found = inspect_model(path)
    except ModelFileError as error:
        sentence = str(error)
        assert "\n" not in sentence and len(sentence) < 400
        return sentence
    text = render(found, tensors=1000, all_operators=True)
    assert all(c.isprintable() or c == "\n" for c in text)
    json.dumps(found.to_dict(), allow_nan=False)
    assert sum(found.bytes.by_kind.values()) == len(data)
    return ""


def timed(path: Path, data: bytes) -> str:
    tracemalloc.start()
    start = time.monotonic()
    try:
        sentence = look(path, data)
        assert time.monotonic() - start < SECONDS
        assert tracemalloc.get_traced_memory()[1] < MEGABYTES << 20
    finally:
        tracemalloc.stop()
    return sentence
