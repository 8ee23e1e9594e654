"""Which operators, versions and tensor types four runtimes know: `operators.tsv`, read once.

The table was made by asking the runtimes themselves (`tests/support/probe_registrations.py`),
and the tests ask those that are installed again. A cell is `-` (not registered), `*` (registered,
the version is not looked at), `7` (versions 1 to 7) or `2-4` (versions 2 to 4).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

CUSTOM_NUMBER = 32
_TYPE_ROW = "type"


@dataclass(frozen=True)
class Registrations:
    """What one release of a runtime registers.

    Args:
        source: The release, such as `tflite-runtime 2.14.0`.
        builtin: First and last version by operator number; None: any version.
        custom: Names of the custom operators that come with it.
        types: Numbers of the tensor types that a file may declare.
    """

    source: str
    builtin: dict[int, tuple[int, int] | None]
    custom: frozenset[str]
    types: frozenset[int]


@functools.cache
def _rows() -> tuple[tuple[str, ...], ...]:
    text = resources.files(__package__).joinpath("operators.tsv").read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")) for line in text.splitlines())


@functools.cache
def _names() -> dict[int, str]:
    rows = [row for row in _rows()[1:] if row[0] != _TYPE_ROW]
    return {int(row[0]): row[1] for row in rows if int(row[0]) != CUSTOM_NUMBER}


def operator_name(number: int) -> str:
    """Return `FULLY_CONNECTED`, or `operator 300` for one that the schema did not have yet."""
    return _names().get(number, f"operator {number}")


@functools.cache
def registrations(package: str) -> Registrations:
    """Return the column of `ai-edge-litert`, `tensorflow`, `tflite-runtime` or `tflite-micro`."""
    header, *rows = _rows()
    column = next(i for i, source in enumerate(header) if source.split(" ")[0] == package)
    builtin: dict[int, tuple[int, int] | None] = {}
    custom, types = set(), set()
    for row in rows:
        cell = row[column]
        if cell == "-":
            continue
        if row[0] == _TYPE_ROW:
            types.add(int(row[1]))
            continue
        number = int(row[0])
        if number == CUSTOM_NUMBER:
            custom.add(row[1])
        elif cell == "*":
            builtin[number] = None
        else:
            first, _, last = cell.rpartition("-")
            builtin[number] = (int(first or 1), int(last))
    return Registrations(header[column], builtin, frozenset(custom), frozenset(types))
