"""`tfpipeline demo`: the main job from speech to a measured int8 model, in one command."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfpipeline.cli.training import add_rolling_argument

HELP = "run all steps on real audio and write a report"
EXAMPLE = "tfpipeline demo --out demo-out (then open demo-out/report.html)"
_MUCH = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-out"),
        help="folder for models, results and report (default: demo-out)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a small corpus and few epochs: shows that it works, not how well",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="audio in the layout of Google's Speech Commands (default: made by a synthesizer)",
    )
    add_rolling_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON at the end")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import print_json
    from tfpipeline.recipes.demo import REPORT, run_demo
    from tfpipeline.recipes.demo_config import DemoConfig

    make = DemoConfig.small if arguments.quick else DemoConfig
    config = replace(make(seed=arguments.seed), rolling=arguments.rolling)
    results = run_demo(arguments.out, config, data=arguments.data)
    if arguments.json:
        print_json(results)
        return 0
    _print_forms(results)
    print(f"\nreport: {arguments.out / REPORT}")
    return 0


def _print_forms(results: dict[str, Any]) -> None:
    """Print the table of all model forms, and how they compare."""
    from tfpipeline.cli.output import kilobytes, print_table

    def microseconds(value: float | None) -> str:
        return "" if value is None else f"{value:.1f}"

    print_table(
        (
            *("form", "parameters", "size", "test accuracy", "streamed"),
            *("us an utterance", "us a frame"),
        ),
        [
            (
                form["name"],
                f"{form['parameters']:,}",
                kilobytes(form["bytes"]),
                f"{100 * form['test_accuracy']:.2f} %",
                f"{100 * form['streamed_accuracy']:.2f} %",
                microseconds(form["us_per_utterance"]),
                microseconds(form["us_per_frame"]),
            )
            for form in results["forms"]
        ],
    )
    lost = max(form["test_accuracy"] - form["streamed_accuracy"] for form in results["forms"])
    if lost > _MUCH:
        print(
            f"\nOn a stream that is never reset up to {100 * lost:.0f} % of the words are lost: "
            "train with --rolling for a device that listens all the time."
        )
    ratios = results["ratios"]
    print(
        f"\nThe fused model is {ratios['fused_vs_stock']:.1f} times as fast as the stock Keras GRU "
        f"and {ratios['fused_vs_portable']:.1f} times as fast as the portable one; they agree on "
        f"{100 * ratios['portable_vs_fused_agreement']:.2f} % of the test clips, near ties aside."
    )
