"""Reads the lines of a file of word vectors, plain or compressed, one at a time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfpipeline.data.errors import DataError

_MAGIC = b"\x1f\x8b"
# A vector of a thousand numbers has some ten thousand bytes.
_MOST_BYTES = 1 << 20
EXPECTED = "vectors as GloVe and fastText write them: a word and its numbers a line, with spaces"


def vector_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line and its number, from 1.

    Args:
        path: text in UTF-8, or the same compressed by gzip, whatever its name.

    Raises:
        DataError: the file is missing, empty, cut short, or has lines that nobody would write.
    """
    number = 0
    try:
        if not path.is_file():
            raise DataError(f"{path}: there is no such file; expected {EXPECTED}.")
        with open(path, "rb") as start:
            opener: Any = gzip.open if start.read(2) == _MAGIC else open
        with opener(path, "rb") as lines:
            while line := lines.readline(_MOST_BYTES):
                number += 1
                if len(line) == _MOST_BYTES:
                    raise DataError(
                        f"{path}: line {number} has more than {_MOST_BYTES - 1} bytes; expected "
                        f"{EXPECTED}."
                    )
                yield number, line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: the compressed file is cut short or damaged behind line {number} "
            f"({' '.join(str(error).split())}); get it again."
        ) from None
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); expected {EXPECTED}."
        ) from None
    if not number:
        raise DataError(f"{path}: is empty; expected {EXPECTED}.")
