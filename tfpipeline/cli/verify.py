"""`tfpipeline verify`: whether exported files still are the model that they came from."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from tfpipeline.cli.dataset import add_data_arguments, add_tolerance_argument

HELP = "compare .tflite files with their Keras model on test audio"
EXAMPLE = (
    "tfpipeline verify demo-out/kws.tflite demo-out/kws.fused.tflite "
    "--model demo-out/stage2.keras --data demo-out/corpus"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", help=".tflite files made by this package")
    parser.add_argument("--model", type=Path, required=True, help="the .keras file of the export")
    add_data_arguments(parser)
    parser.add_argument(
        "--clips", type=int, default=300, help="test clips to compare on (default: 300)"
    )
    add_tolerance_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.dataset import load_data
    from tfpipeline.cli.output import print_json, print_table
    from tfpipeline.loading import load_model
    from tfpipeline.recipes.verifier import verify_files

    model = load_model(arguments.model, compile=False)
    from tfpipeline.export import Tolerances

    samples = load_data(arguments).test.features[: arguments.clips]
    reports = verify_files(
        model, arguments.files, samples, Tolerances(agreement=arguments.agreement)
    )
    if arguments.json:
        print_json([asdict(report) for report in reports])
        return 0
    print_table(
        ("form", "same label", "mean error", "max error", "file"),
        [
            (
                report.name,
                "-" if report.agreement is None else f"{100 * report.agreement:.2f} %",
                f"{report.mean_error:.4f}",
                f"{report.max_error:.3f}",
                report.path,
            )
            for report in reports
        ],
    )
    return 0
