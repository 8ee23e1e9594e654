"""Tables of numbers in text files: a row a line."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tfpipeline.data.errors import DataError
from tfpipeline.data.whole_file import MIB, read_whole_text

_MOST_BYTES = 64 * MIB
# More than any number needs, so that a table of few rows cannot have a file of many megabytes.
_BYTES_A_NUMBER = 64


def read_table(
    path: Path, columns: int, expected: str, rows: int | None = None, separator: str | None = None
) -> np.ndarray:
    """Read a table as float32 `(rows, columns)`.

    Args:
        path: the file.
        columns: numbers of each line.
        expected: what belongs there, for the sentence of an error.
        rows: lines that there must be; None for any number.
        separator: between numbers; None for spaces.

    Raises:
        DataError: the file is missing, no text, has other lines, or what is no finite number.
    """
    most = _MOST_BYTES
    if rows is not None:
        most = min(most, MIB + rows * columns * _BYTES_A_NUMBER)
    text = read_whole_text(path, most, expected).rstrip()
    if not text:
        raise DataError(f"{path}: holds only empty lines; expected {expected}.")
    if text.count("\n") > len(text) // columns:
        raise DataError(
            f"{path}: most of its lines are shorter than {columns} numbers; expected {expected}."
        )
    lines = text.splitlines()
    try:
        table = np.loadtxt(lines, np.float32, comments=None, delimiter=separator, ndmin=2)
        good = table.shape == (len(lines), columns) and np.isfinite(table).all()
    except ValueError:
        good = False
    if not good:
        raise DataError(_fault(path, lines, columns, expected, separator))
    if rows is not None and rows != len(table):
        raise DataError(f"{path}: has {len(table)} lines and not {rows}; expected {expected}.")
    return table


def read_numbers(path: Path, least: int, most: int, expected: str, rows: int) -> np.ndarray:
    """Read whole numbers, one a line, as int32 `(rows,)`.

    Raises:
        DataError: as `read_table`, or a number is not within `least` and `most`.
    """
    numbers = read_table(path, 1, expected, rows)[:, 0]
    wrong = np.flatnonzero((numbers != np.rint(numbers)) | (numbers < least) | (numbers > most))
    if len(wrong):
        raise DataError(
            f"{path}: line {wrong[0] + 1} is not a whole number from {least} to {most}; expected "
            f"{expected}."
        )
    return numbers.astype(np.int32)


def _fault(path: Path, lines: list[str], columns: int, expected: str, separator: str | None) -> str:
    """Return the sentence on the first line that is wrong."""
    for number, line in enumerate(lines, 1):
        items = line.split(separator)
        if len(items) != columns or not line.strip():
            found = len(items) if line.strip() else 0
            return (
                f"{path}: line {number} has {found} numbers and not {columns}; expected {expected}."
            )
        for item in items:
            if not _is_float32(item):
                return (
                    f"{path}: line {number} holds {item.strip()[:20]!r}, which is no finite "
                    f"number; expected {expected}."
                )
    return f"{path}: holds no table of {columns} numbers a line; expected {expected}."


def _is_float32(item: str) -> bool:
    try:
        return math.isfinite(value := float(item)) and abs(value) <= float(np.finfo(np.float32).max)
    except ValueError:
        return False
