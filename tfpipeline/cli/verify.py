"""`tfpipeline verify`: whether exported files still are the model that they came from."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tfpipeline.cli.dataset import add_data_argument, add_split_arguments
from tfpipeline.cli.tolerances import add_tolerance_arguments, advice_in_options, tolerances_of

HELP = "compare .tflite files with their Keras model on arrays or test audio"
EXAMPLE = (
    "tfpipeline verify model.tflite --model model.keras --verification x_test.npy; "
    "tfpipeline verify demo-out/kws.tflite demo-out/kws.fused.tflite "
    "--model demo-out/stage2.keras --data demo-out/corpus"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", help=".tflite files made by this package")
    parser.add_argument("--model", type=Path, required=True, help="the .keras file of the export")
    _add_samples(parser.add_argument_group("samples, --verification or --data"))
    add_tolerance_arguments(parser.add_argument_group("tolerances"), drift=False)
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


def _add_samples(group: Any) -> None:
    either = group.add_mutually_exclusive_group(required=True)
    either.add_argument(
        "--verification",
        type=Path,
        metavar="PATH",
        help="model inputs to compare on, as for export: a .npy array, a .npz with an array for "
        "each input by name, or a folder of .wav files",
    )
    add_data_argument(either, required=False)
    group.add_argument(
        "--frontend",
        type=Path,
        metavar="FILE",
        help="how features are made of a folder of audio, as for export (default: as the card of "
        "the first of the files says)",
    )
    group.add_argument("--clips", type=int, default=300, help="test clips of --data (default: 300)")
    add_split_arguments(group)


@advice_in_options()
def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import print_json, print_table
    from tfpipeline.loading import load_with_loss
    from tfpipeline.recipes.verifier import usual_tolerances, verify_files

    files = arguments.files
    # Before what takes long: the files are read here, and one may be missing.
    tolerances = tolerances_of(arguments, usual_tolerances(files))
    model = load_with_loss(arguments.model)
    samples, frontend = _samples(arguments)
    reports = verify_files(model, files, samples, tolerances, frontend)
    if arguments.json:
        print_json([asdict(report) for report in reports])
        return 0
    print_table(
        (
            *("form", "agreement", "decisions", "mean error", "max error"),
            *("relative error", "worst channel", "file"),
        ),
        [
            (
                report.name,
                "-" if report.agreement is None else f"{100 * report.agreement:.2f} %",
                f"{report.decisions - report.disagreements}/{report.decisions}"
                if report.decisions
                else "-",
                f"{report.mean_error:.4f}",
                f"{report.max_error:.3f}",
                f"{report.relative_error:.4f} of {tolerances.relative_error:g}",
                f"{report.channel_error:.4f} of {tolerances.channel_error:g}",
                report.path,
            )
            for report in reports
        ],
    )
    return 0


def _samples(arguments: argparse.Namespace) -> tuple[Any, dict[str, Any] | None]:
    """Return what to compare on, and the front end that the user named."""
    if arguments.data is not None:
        from tfpipeline.cli.dataset import load_data
        from tfpipeline.recipes.export_samples import clips_of

        return clips_of(load_data(arguments).test, arguments.clips), None
    if arguments.frontend is None:
        return arguments.verification, None
    from tfpipeline.cli.export_inputs import read_frontend

    return arguments.verification, read_frontend(arguments.frontend)
