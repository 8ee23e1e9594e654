"""`tfpipeline study NAME`: experiments whose results are in docs/results."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

HELP = "run an experiment again and write its rows, tables and plots"
EXAMPLE = "tfpipeline study export-matrix --quick --out study-out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from tfpipeline.studies import STUDIES, load_study

    names = parser.add_subparsers(title="studies", metavar="NAME", dest="study", required=True)
    for name in STUDIES:
        module = load_study(name)
        one = names.add_parser(name, help=module.HELP, description=module.HELP.capitalize() + ".")
        _add_common_arguments(one)
        module.add_arguments(one)


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("study-out"),
        help="folder of the results; finished rows in it are not computed again",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a smaller one, in minutes")
    size.add_argument(
        "--full", action="store_false", dest="quick", help="all of it, as published (default)"
    )
    parser.add_argument(
        "--processes", type=int, default=1, help="work in so many processes (default: 1)"
    )
    # Beside the verb's own, so that it may also stand at the end of the line.
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import say_error
    from tfpipeline.studies import load_study

    options = vars(arguments).copy()
    for name in ("run", "verb", "version", "debug"):
        options.pop(name, None)
    if arguments.processes < 1:
        raise ValueError(f"--processes must be 1 or more, received {arguments.processes}")
    if arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"--out must be a folder, received the file {arguments.out}: name another")
    command = shlex.join(["tfpipeline", *sys.argv[1:]])
    result = load_study(options.pop("study")).run(options.pop("out"), command=command, **options)
    for file in result.files:
        print(file)
    print(result.summary)
    if not result.ok:
        say_error(f"study {arguments.study} found failures")
    return 0 if result.ok else 1
