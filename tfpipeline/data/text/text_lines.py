"""Reads the lines of a text file, or says which line is no text."""

from __future__ import annotations

from pathlib import Path

from tfpipeline.data.errors import DataError
from tfpipeline.data.whole_file import MIB, read_whole

_MOST_BYTES = 256 * MIB
_MARK = b"\xef\xbb\xbf"


def read_lines(path: Path, expected: str, encoding: str = "utf-8") -> list[str]:
    r"""Return the lines of a file without their ends, which may be `\n` or `\r\n`.

    Args:
        path: the file.
        expected: what belongs there, for the sentence of an error.
        encoding: of its bytes; a byte order mark of UTF-8 is left out.

    Raises:
        DataError: it is missing, empty, too large, or a line is no text.
    """
    data = read_whole(path, _MOST_BYTES, expected).removeprefix(_MARK)
    lines = []
    for number, raw in enumerate(data.removesuffix(b"\n").split(b"\n"), 1):
        try:
            line = raw.removesuffix(b"\r").decode(encoding)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}: line {number} is not text in {encoding.upper()} (byte {error.start}); "
                f"expected {expected}."
            ) from None
        if "\0" in line:
            raise DataError(f"{path}: line {number} holds a zero byte; expected {expected}.")
        lines.append(line)
    return lines


def check_text(path: Path, number: int, text: str, expected: str) -> str:
    """Return the text without spaces around it.

    Raises:
        DataError: naming file and line, where nothing is left.
    """
    text = text.strip()
    if not text:
        raise DataError(f"{path}: line {number} has no text; expected {expected}.")
    return text
