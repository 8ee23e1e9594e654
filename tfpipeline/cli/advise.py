"""`tfpipeline advise`: what low rank and few bits make of a table of embeddings."""

from __future__ import annotations

import argparse

HELP = "say what low rank and few bits make of a table of embeddings, in bytes and in time"
EXAMPLE = "tfpipeline advise --vocabulary 16185 --dimension 300 --reduction 0.9 --bits 8"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vocabulary", type=int, required=True, metavar="V", help="rows")
    parser.add_argument("--dimension", type=int, required=True, metavar="D", help="of a row")
    parser.add_argument(
        "--reduction", type=float, required=True, metavar="R", help="share of the numbers that go"
    )
    parser.add_argument("--bits", type=int, default=8, metavar="B", help="of a number (default: 8)")
    parser.add_argument("--no-timing", action="store_true", help="count only, and time nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import print_json
    from tfpipeline.errors import TfpipelineError
    from tfpipeline.recipes.embedding_advice import advise_embedding

    try:
        advice = advise_embedding(
            arguments.vocabulary,
            arguments.dimension,
            arguments.reduction,
            arguments.bits,
            measure=not arguments.no_timing,
        )
    except ValueError as error:
        raise TfpipelineError(str(error)) from error
    if arguments.json:
        print_json(advice.to_dict())
    else:
        print(advice)
    return 0
