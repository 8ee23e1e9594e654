"""The outcome of `tfpipeline.compress.ledger`, and its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tfpipeline.compress.size_ledger.formulas import FORMULAS, KILOBYTE


@dataclass(frozen=True)
class LedgerRow:
    """One array of the model.

    Args:
        name: `"<layer>/<array>"`.
        shape: as Keras has it.
        density: share of its numbers that are not 0.
        bits: of a number, as the formula counts.
        bytes: by the formula.
        file_bytes: of the tensor of the file that holds it; None without a file, or where none
            does: scalars may be options of an operator, and a layer may be folded into another.
    """

    name: str
    shape: tuple[int, ...]
    density: float
    bits: int
    bytes: int
    file_bytes: int | None = None


@dataclass(frozen=True)
class LedgerFile:
    """What a file takes.

    Args:
        path: of the file.
        bytes: of all of it.
        by_kind: weights, biases, quantization, structure, ...: see docs/inspect.md; they add up.
        others: stored tensors that hold none of the arrays, and their bytes.
    """

    path: str
    bytes: int
    by_kind: Mapping[str, int]
    others: Mapping[str, int]


@dataclass(frozen=True)
class SizeLedger:
    """Bytes of a model by the formula of a paper, beside those of a file.

    Args:
        formula: key of `FORMULAS`.
        rows: one an array.
        excluded: arrays that do not count, such as embeddings.
        file: None without a file.
    """

    formula: str
    rows: tuple[LedgerRow, ...]
    excluded: tuple[str, ...] = ()
    file: LedgerFile | None = None

    @property
    def bytes(self) -> int:
        """All bytes by the formula."""
        return sum(row.bytes for row in self.rows)

    @property
    def kilobytes(self) -> float:
        """The same in the papers' KB, which are 1024 bytes."""
        return self.bytes / KILOBYTE

    @property
    def ratio(self) -> float | None:
        """How many times the bytes of the formula the file takes."""
        return None if self.file is None or not self.bytes else self.file.bytes / self.bytes

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings, lists and dicts, for JSON."""
        return {
            "formula": self.formula,
            "source": FORMULAS[self.formula].source,
            "bytes": self.bytes,
            "rows": [{**asdict(row), "shape": list(row.shape)} for row in self.rows],
            "excluded": list(self.excluded),
            "file": None if self.file is None else asdict(self.file),
            "ratio": self.ratio,
        }

    def __str__(self) -> str:
        head = ["array", "shape", "not 0", "bits", "formula", "file"]
        table = [
            [
                row.name,
                "x".join(map(str, row.shape)) or "1",
                f"{100 * row.density:.0f} %",
                str(row.bits),
                f"{row.bytes:,}",
                "-" if row.file_bytes is None else f"{row.file_bytes:,}",
            ]
            for row in self.rows
        ]
        if self.file is None:
            head, table = head[:-1], [cells[:-1] for cells in table]
        lines = _aligned([head, *table])
        source = FORMULAS[self.formula].source
        lines.append(f"{self.bytes:,} bytes, {self.kilobytes:.2f} KB, as counted by {source}")
        if self.excluded:
            lines.append(f"not counted: {', '.join(self.excluded)}")
        if self.file is not None:
            kinds = sorted(self.file.by_kind.items(), key=lambda item: -item[1])
            parts = ", ".join(f"{kind} {count:,}" for kind, count in kinds if count)
            times = "" if self.ratio is None else f", {self.ratio:.2f} times that"
            lines.append(f"{self.file.path}: {self.file.bytes:,} bytes{times} ({parts})")
        return "\n".join(lines)


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
