"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to; the file gets the name `path` when the block ends well.

    Whatever interrupts the block, Ctrl-C included, leaves `path` as it was. The suffix stays the
    same, because Keras looks at it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON that people can read too."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def save_model(model: Any, path: Path) -> None:
    """Save a Keras model as a `.keras` file."""
    with replacing(path) as partial:
        model.save(partial)
