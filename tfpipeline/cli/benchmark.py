"""`tfpipeline benchmark`: latency of models on this machine, timed against each other."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "time models against each other on this machine, one thread"
EXAMPLE = "tfpipeline benchmark demo-out/kws.tflite demo-out/kws.fused.tflite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", type=Path, nargs="+", help=".tflite files to compare")
    parser.add_argument("--rounds", type=int, default=15, help="rounds to take (default: 15)")
    parser.add_argument(
        "--isa", default="auto", help="kernels of fused models: auto, c, avx2 and so on"
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.bench.files import benchmark_files
    from tfpipeline.bench.machine import describe_machine
    from tfpipeline.bench.source import describe_source
    from tfpipeline.cli.output import kilobytes, print_json, print_table

    rows = benchmark_files(arguments.models, rounds=arguments.rounds, isa=arguments.isa)
    if arguments.json:
        machine = describe_machine().to_dict()
        found = [row.to_dict() for row in rows]
        print_json({**describe_source(), "machine": machine, "models": found})
        return 0
    print_table(
        ("model", "size", "unit", "min us", "median us", "max us"),
        [
            (
                row.path.name,
                kilobytes(row.bytes),
                row.unit,
                f"{row.timing.min:.1f}",
                f"{row.timing.median:.1f}",
                f"{row.timing.max:.1f}",
            )
            for row in rows
        ],
    )
    return 0
