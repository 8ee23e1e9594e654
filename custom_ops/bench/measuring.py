"""What the benchmarks share: interleaved timing, the machine in words, and the table on disk."""

from __future__ import annotations

import csv
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from tfpipeline.bench.machine import describe_machine
from tfpipeline.extras import missing_extra
from tfpipeline.runtime.native import best_isa

MIB = 1 << 20
#: More than the last-level cache of the machines that this runs on.
OUT_OF_CACHE_BYTES = 96 * MIB
#: Of each table.
CLASS_COLUMN = "cpu_class"


def measure(
    calls: Sequence[Sequence[Callable[[], object]]], rounds: int, repeats: int
) -> list[list[float]]:
    """Return the seconds of each call; a contender has a list of calls that it makes in turn."""
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds):
        for taken, ways in zip(times, calls, strict=True):
            count = max(repeats, len(ways))
            for i in range(count):
                call = ways[(turn * count + i) % len(ways)]
                start = time.perf_counter()
                call()
                taken.append(time.perf_counter() - start)
    return times


def cpu_class() -> str:
    """Return the class of this processor, and the kernels of ours that it gets."""
    return f"{describe_machine().cpu_class} (kernels {best_isa()})"


def prepare_folder(out: Path) -> None:
    """Make the folder of results and print the CPU class that they will be of.

    Raises:
        SystemExit: it has tables of another class, which would stand beside these.
    """
    out.mkdir(parents=True, exist_ok=True)
    mine = describe_machine().cpu_class
    for table in sorted(out.glob("*.csv")):
        others = classes_of(table) - {mine}
        if others:
            raise SystemExit(
                f"{table} has figures of {', '.join(sorted(others))} and this processor is {mine}: "
                "pass --out with another folder"
            )
    print(f"CPU class: {cpu_class()}", file=sys.stderr)


def classes_of(table: Path) -> set[str]:
    """Return the CPU classes that the rows of a table name; none where it has no such column."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row[CLASS_COLUMN] for row in rows if row.get(CLASS_COLUMN)}


def of_one_class(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return rows that all name their CPU class; those without one were measured here.

    Raises:
        ValueError: they are of several classes, whose figures say nothing about each other.
    """
    mine = describe_machine().cpu_class
    named = [{**row, CLASS_COLUMN: row.get(CLASS_COLUMN) or mine} for row in rows]
    classes = sorted({str(row[CLASS_COLUMN]) for row in named})
    if len(classes) > 1:
        raise ValueError(
            f"rows must be of one CPU class, received {', '.join(classes)}: write one table a class"
        )
    return named


def machine() -> str:
    """Return the processor, cores and versions."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), name)
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}; "
        f"CPU class {describe_machine().cpu_class}; kernels {best_isa()}; "
        f"ai-edge-litert {version('ai-edge-litert')}, tfpipeline {version('tfpipeline')}, "
        f"Python {platform.python_version()}"
    )


def write_csv(path: Path, rows: list[dict[str, object]], notes: list[str]) -> None:
    """Write a table whose every row names its CPU class; see `of_one_class`."""
    rows = of_one_class(rows)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {note}\n" for note in notes)
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, path)


def plot_if_possible(
    plot: Callable[..., None], path: Path, rows: list[dict[str, object]], *arguments: object
) -> None:
    """Draw what `write_csv` has kept already; without Matplotlib say so in one line."""
    try:
        plot(path, of_one_class(rows), *arguments)
    except ImportError as error:
        reason = missing_extra(error) or error
        print(f"no plot {path.name}: {reason}", file=sys.stderr)
