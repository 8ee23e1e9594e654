"""Result rows that survive an interrupted study."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfpipeline.errors import TfpipelineError
from tfpipeline.recipes.atomic import replacing

Row = dict[str, Any]


class StudyError(TfpipelineError):
    """A study that cannot run or go on."""


@dataclass(frozen=True)
class StudyResult:
    """What a study found.

    Args:
        rows: One measurement each.
        files: What was written.
        summary: A few lines for the terminal.
        ok: Whether everything came out as it must.
    """

    rows: tuple[Row, ...]
    files: tuple[Path, ...]
    summary: str
    ok: bool = True


@dataclass
class RowStore:
    """Rows by key, in a file that grows by a line with every row.

    Args:
        path: The file, of JSON lines. The first says what the rows depend on.
        keys: Columns that identify a row.
        basis: What all rows have in common, such as versions and settings; rows that were found on
            another basis are not mixed with these.

    Raises:
        StudyError: the file holds rows of another basis.
    """

    path: Path
    keys: tuple[str, ...]
    basis: Mapping[str, Any]
    _rows: dict[tuple[Any, ...], Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        basis = json.loads(json.dumps(self.basis))
        lines = _complete_lines(self.path)
        if lines and lines[0] != basis:
            changed = sorted(k for k in {*basis, *lines[0]} if basis.get(k) != lines[0].get(k))
            raise StudyError(
                f"{self.path} holds rows found with other {', '.join(changed)}: delete it, or "
                "choose another folder with --out"
            )
        for row in lines[1:]:
            self._rows[self.key(row)] = row
        with replacing(self.path) as partial:
            partial.write_text("".join(_line(entry) for entry in (basis, *self._rows.values())))

    def key(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return what identifies a row."""
        return tuple(row[name] for name in self.keys)

    def __contains__(self, row: Mapping[str, Any]) -> bool:
        return self.key(row) in self._rows

    def add(self, row: Row) -> None:
        """Keep a row, now."""
        self._rows[self.key(row)] = row
        with self.path.open("a") as file:
            file.write(_line(row))

    def every(self) -> tuple[Row, ...]:
        """Return all rows, in the order in which they came."""
        return tuple(self._rows.values())

    def rows(self, wanted: Iterable[Mapping[str, Any]]) -> tuple[Row, ...]:
        """Return the rows with the keys of `wanted`, in that order; all must be there."""
        return tuple(self._rows[self.key(row)] for row in wanted)


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"


def _complete_lines(path: Path) -> list[dict[str, Any]]:
    """All lines but one that was cut off when the study was interrupted."""
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table; None becomes an empty field, and floats keep four digits."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read what `write_csv` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
