"""`tfpipeline benchmark`: latency of models on this machine, timed against each other."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfpipeline.bench.accelerated import AcceleratedTiming
    from tfpipeline.bench.files import FileTiming

HELP = (
    "time .tflite files of any kind against each other on this machine, one thread; exit status 1 "
    "if one of them could not be timed"
)
EXAMPLE = "tfpipeline benchmark demo-out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models", type=Path, nargs="+", help=".tflite files to compare, and folders that hold some"
    )
    parser.add_argument("--rounds", type=int, default=15, help="rounds to take (default: 15)")
    parser.add_argument(
        "--isa", default="auto", help="kernels of fused models: auto, c, avx2 and so on"
    )
    parser.add_argument(
        "--accelerate",
        action="store_true",
        help="time each file without and with the plug-in's accelerate_builtin, and compare what "
        "comes out",
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.bench.files import benchmark_files
    from tfpipeline.bench.machine import describe_machine
    from tfpipeline.bench.source import describe_source
    from tfpipeline.cli.output import print_json, say_error

    if arguments.accelerate:
        return _run_accelerated(arguments)
    rows = benchmark_files(arguments.models, rounds=arguments.rounds, isa=arguments.isa)
    failed = [row for row in rows if row.timing is None]
    if arguments.json:
        machine = describe_machine().to_dict()
        found = [row.to_dict() for row in rows]
        print_json({**describe_source(), "machine": machine, "models": found})
    else:
        _print_rows(rows)
    for row in failed:
        say_error(f"{row.path} was not timed: {row.problem}")
    return 1 if failed else 0


def _run_accelerated(arguments: argparse.Namespace) -> int:
    from tfpipeline.bench.accelerated import benchmark_accelerated
    from tfpipeline.bench.machine import describe_machine
    from tfpipeline.bench.source import describe_source
    from tfpipeline.cli.output import print_json, say_error

    rows = benchmark_accelerated(arguments.models, rounds=arguments.rounds, isa=arguments.isa)
    machine = describe_machine()
    if arguments.json:
        found = [row.to_dict() for row in rows]
        print_json({**describe_source(), "machine": machine.to_dict(), "models": found})
    else:
        _print_accelerated(rows)
        print(f"{machine.processor}, CPU class {machine.cpu_class}; medians of one run, in turn")
    failed = [row for row in rows if row.before is None]
    for row in failed:
        say_error(f"{row.path} was not timed: {row.problem}")
    return 1 if failed else 0


def _print_accelerated(rows: Sequence[AcceleratedTiming]) -> None:
    from tfpipeline.cli.output import print_table
    from tfpipeline.inspection import safe

    names = _names([row.path for row in rows])
    lines: list[tuple[str, ...]] = []
    for name, row in zip(names, rows, strict=True):
        if row.before is None:
            lines.append((name, "not timed", "", "", "", ""))
            continue
        after = ("", "") if row.after is None else (f"{row.after.median:.1f}", _ratio(row))
        lines.append((name, row.unit, f"{row.before.median:.1f}", *after, safe(row.outputs, 80)))
    print_table(("model", "unit", "before us", "after us", "times faster", "outputs"), lines)
    for name, row in zip(names, rows, strict=True):
        said = row.claims.sentences() if row.claims is not None and not row.problem else []
        for sentence in [*said, *([row.note] if row.note else [])]:
            print(f"{name}: {safe(sentence, 300)}")


def _ratio(row: AcceleratedTiming) -> str:
    return f"{row.times_faster:.2f}"


def _names(paths: Sequence[Path]) -> list[str]:
    """Return file names, and whole paths where a name does not say which file it is."""
    counts = Counter(path.name for path in paths)
    return [path.name if counts[path.name] == 1 else str(path) for path in paths]


def _print_rows(rows: Sequence[FileTiming]) -> None:
    from tfpipeline.cli.output import kilobytes, print_table

    lines: list[tuple[str, ...]] = []
    for name, row in zip(_names([row.path for row in rows]), rows, strict=True):
        size = "" if row.bytes is None else kilobytes(row.bytes)
        if row.timing is None:
            lines.append((name, size, "not timed", "", "", ""))
        else:
            times = (row.timing.min, row.timing.median, row.timing.max)
            lines.append((name, size, row.unit, *(f"{time:.1f}" for time in times)))
    print_table(("model", "size", "unit", "min us", "median us", "max us"), lines)
    for row in rows:
        if row.note:
            print(f"{row.path.name}: {row.note}")
