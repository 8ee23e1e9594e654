"""The folder of a synthesized corpus: it appears when it is whole, and says what it holds."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfpipeline.data.errors import DataError

MARKER = "corpus.json"
Marker = dict[str, Any]


def read_marker(out: Path, pattern: str, expected: Callable[[Marker], int]) -> Marker | None:
    """Read the marker of a corpus that is whole; None when there is nothing yet.

    Args:
        out: the corpus' folder.
        pattern: of its WAV files, for `Path.glob`.
        expected: how many of them a marker promises; it may raise KeyError, TypeError or
            AttributeError for a marker of another kind of corpus.

    Raises:
        DataError: the folder holds something else, or not all of a corpus.
    """
    if not out.exists():
        return None
    if out.is_dir() and not any(out.iterdir()):
        return None
    try:
        marker: Marker = json.loads((out / MARKER).read_text(encoding="utf-8"))
        promised = expected(marker)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"{out}: exists and is not a synthesized corpus; choose another folder."
        ) from None
    found = sum(1 for _ in out.glob(pattern))
    if found != promised:
        raise DataError(
            f"{out}: holds {found} WAV files where its {MARKER} promises {promised}; choose "
            "another folder, or delete this one to make the corpus anew."
        )
    return marker


def write_folder(out: Path, write: Callable[[Path], Marker]) -> Marker:
    """Replace `out` by a folder that `write` fills and describes, in one step at the end.

    Raises:
        DataError: the folder cannot be written.
    """
    partial = out.with_name(f".{out.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        marker = write(partial)
        (partial / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
        if out.exists():
            shutil.rmtree(out)
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror}); choose another.") from None
    finally:
        # Also after Ctrl-C: nothing half-made stays.
        shutil.rmtree(partial, ignore_errors=True)
    return marker
