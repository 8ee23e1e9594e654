"""`tfpipeline run`: one audio file through a `.tflite` model, whole or as a stream."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "run a model on a WAV file or an array of features"
EXAMPLE = "tfpipeline run clip.wav --model demo-out/kws.fused.tflite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help=".wav audio, or .npy features (frames, features)")
    parser.add_argument("--model", type=Path, required=True, help="a .tflite made by this package")
    parser.add_argument(
        "--stream", action="store_true", help="frame by frame; needs a streaming model"
    )
    parser.add_argument("--top", type=int, default=3, help="labels to print (default: 3)")
    parser.add_argument("--json", action="store_true", help="print all scores as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import print_json
    from tfpipeline.recipes.runner import run_file

    scores = run_file(arguments.model, arguments.file, stream=arguments.stream)
    if arguments.json:
        print_json(scores.to_dict())
        return 0
    for label, probability in scores.best(arguments.top):
        print(f"{label:16s} {100 * probability:5.1f} %")
    return 0
