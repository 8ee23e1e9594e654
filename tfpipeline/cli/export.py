"""`tfpipeline export`: a trained model to verified int8 files."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfpipeline.cli.dataset import add_data_arguments, add_tolerance_argument

HELP = "write int8 .tflite files and compare them with the model"
EXAMPLE = (
    "tfpipeline export demo-out/stage2.keras --data demo-out/corpus --out kws.tflite --streaming"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="a .keras file")
    add_data_arguments(parser)
    parser.add_argument(
        "--out", type=Path, required=True, help="the portable file, NAME.tflite, to write"
    )
    parser.add_argument(
        "--streaming", action="store_true", help="also the models that take one frame a call"
    )
    parser.add_argument(
        "--calibration-clips",
        type=int,
        default=256,
        help="training clips that set the scales (default: 256)",
    )
    parser.add_argument(
        "--verification-clips",
        type=int,
        default=300,
        help="validation clips to compare on (default: 300)",
    )
    add_tolerance_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.dataset import load_data
    from tfpipeline.cli.output import print_json
    from tfpipeline.loading import load_model

    model = load_model(arguments.model, compile=False)
    from tfpipeline.export import Tolerances, export

    dataset = load_data(arguments)
    report = export(
        model,
        arguments.out,
        calibration=dataset.train.features[: arguments.calibration_clips],
        verification=dataset.validation.features[: arguments.verification_clips],
        streaming="both" if arguments.streaming else False,
        labels=dataset.labels,
        frontend=dataset.log_mel.to_config(),
        tolerances=Tolerances(agreement=arguments.agreement),
    )
    if arguments.json:
        print_json(report.to_dict())
    else:
        print(report)
    return 0
