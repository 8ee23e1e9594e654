"""`tfpipeline report`: the HTML page of a finished demo, made again from its results."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write the self-contained HTML page of results with plots"
EXAMPLE = "tfpipeline report demo-out/results.json --out demo-out/report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, help="results.json of a demo")
    parser.add_argument(
        "--out", type=Path, help="the page to write (default: report.html beside the results)"
    )


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.report import read_results, write_report

    results = read_results(arguments.results)
    page = arguments.out or arguments.results.with_name("report.html")
    write_report(results, page)
    print(page)
    return 0
