"""Arrays that a study makes once, from a corpus that is given or from another source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.recipes.atomic import replacing
from tfpipeline.studies.common.rows import StudyError


def prepare_arrays(
    path: Path,
    data: Path | None,
    make: Callable[[Path | None], Mapping[str, np.ndarray]],
    otherwise: str = "synthesized",
) -> Path:
    """Write the arrays, once, and return their file.

    Args:
        path: that file, `.npz`.
        data: the folder of a corpus, or None.
        make: from `data` to the arrays.
        otherwise: what the arrays are made from without `data`.

    Raises:
        StudyError: the file has the arrays of another corpus.
    """
    note = path.with_suffix(".source.txt")
    source = otherwise if data is None else str(data.resolve())
    if path.exists():
        found = note.read_text(encoding="utf-8") if note.exists() else "unknown"
        if found != source:
            raise StudyError(
                f"{path} holds the corpus {found!r}, and --data asks for {source!r}: choose "
                "another folder with --out"
            )
        return path
    arrays: Any = make(data)
    # Beside the arrays, whose hash then says what was heard and not where it lay. Before them, so
    # that they never stand alone.
    note.write_text(source, encoding="utf-8")
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)
    return path
