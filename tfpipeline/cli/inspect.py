"""`tfpipeline inspect`: what is in a `.tflite` file, what it costs, and where it runs."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "say what any .tflite file holds, what it costs, and which runtimes can run it"
EXAMPLE = "tfpipeline inspect demo-out/kws.tflite --target tflite-micro"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a .tflite file of any origin")
    parser.add_argument(
        "--target",
        metavar="NAME",
        help="exit with 1 when the file cannot run there: litert, plugin (LiteRT with ours), "
        "tensorflow, tflite-runtime, tflite-runtime+plugin or tflite-micro",
    )
    parser.add_argument(
        "--tensors", type=int, default=5, metavar="N", help="largest tensors to list (default: 5)"
    )
    parser.add_argument("--ops", action="store_true", help="list every kind of operator")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import print_json, say_error
    from tfpipeline.inspection import inspect_model, render

    found = inspect_model(arguments.file)
    wanted = None if arguments.target is None else found.target(arguments.target)
    if arguments.json:
        print_json(found.to_dict())
    else:
        print(render(found, tensors=arguments.tensors, all_operators=arguments.ops))
    if wanted is None or wanted.runs:
        return 0
    first = wanted.refusals[0]
    more = f" and {len(wanted.refusals) - 1} more" if len(wanted.refusals) > 1 else ""
    say_error(f"{arguments.file} cannot run in {wanted.title}: {first.what}: {first.reason}{more}")
    return 1
