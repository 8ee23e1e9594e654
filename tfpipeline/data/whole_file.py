"""Reads a whole file of a data set, or says in one sentence why not and what was expected there."""

from __future__ import annotations

import stat
from pathlib import Path

from tfpipeline.data.errors import DataError

MIB = 1 << 20


def read_whole(path: Path, most_bytes: int, expected: str) -> bytes:
    """Return the bytes of a file.

    Args:
        path: the file.
        most_bytes: a larger file is refused before it is read.
        expected: what belongs there, for the sentence: "the labels of UCI HAR's training windows".

    Raises:
        DataError: it is missing, empty, too large, no regular file, or cannot be read.
    """
    try:
        status = path.stat()
        # Opening a pipe would wait for its writer, and a device may have no end.
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path}: is not a regular file; expected {expected}.")
        if status.st_size > most_bytes:
            raise DataError(
                f"{path}: has {status.st_size / MIB:.0f} MiB, more than the {most_bytes / MIB:.0f} "
                f"that are read; expected {expected}."
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; expected {expected}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: cannot be read ({reason}); expected {expected}.") from None
    if not data:
        raise DataError(f"{path}: is empty; expected {expected}.")
    return data


def read_whole_text(path: Path, most_bytes: int, expected: str) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark.

    Raises:
        DataError: as `read_whole`, or it is not such a text.
    """
    data = read_whole(path, most_bytes, expected)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not text in UTF-8 (byte {error.start}); expected {expected}."
        ) from None
    if "\0" in text:
        raise DataError(f"{path}: holds zero bytes, so it is no text; expected {expected}.")
    return text
