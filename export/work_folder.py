"""The temporary folder beside the target in which an export prepares its files."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfpipeline.export.errors import ExportError


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Return a folder in `parent`, which is made if need be and goes again when what follows fails.

    Raises:
        ExportError: no file can be written there.
    """
    with _made(parent):
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(prefix=".export-", dir=parent)
        except OSError as error:
            reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
            raise ExportError(
                f"path: no file can be written to the folder {parent} ({reason}): pass another path"
            ) from error
        with folder:
            yield Path(folder.name)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """On an error removes what did not exist before and is still empty."""
    # Absolute, so that a change of directory in between leads to no other folder.
    folder = Path(os.path.abspath(folder))
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        yield
    except BaseException:
        for path in missing:
            # Somebody else may have put a file there.
            with contextlib.suppress(OSError):
                path.rmdir()
        raise
