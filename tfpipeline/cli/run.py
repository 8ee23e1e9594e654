"""`tfpipeline run`: one file through a `.tflite` model, whole or as a stream; or texts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tfpipeline.cli.run_text import add_text_arguments, run_texts

HELP = "run a model on a WAV file, on arrays of its inputs, or on texts"
EXAMPLE = (
    "tfpipeline run clip.wav --model demo-out/kws.fused.tflite; "
    "tfpipeline run --model mood.tflite --text 'a fine movie'"
)
_MOST_LINES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        help=".wav audio, or one sample of the model's input as .npy, such as (frames, features); "
        ".npz for several inputs",
    )
    add_text_arguments(parser)
    parser.add_argument("--model", type=Path, required=True, help="a .tflite made by this package")
    parser.add_argument(
        "--stream", action="store_true", help="call by call; needs a streaming model"
    )
    parser.add_argument("--top", type=int, default=3, help="labels to print (default: 3)")
    parser.add_argument("--json", action="store_true", help="print all scores as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import print_json, say_error
    from tfpipeline.recipes.runner import run_file

    texts = arguments.text is not None or arguments.text_file is not None
    if texts == (arguments.file is not None) or (texts and arguments.stream):
        say_error(
            "expected a file, or --text and --text-file without --stream; name one of the two"
        )
        return 2
    if texts:
        return run_texts(arguments)

    scores = run_file(arguments.model, arguments.file, stream=arguments.stream)
    if scores.left_over:
        print(
            f"the last {scores.left_over} frames of {arguments.file} do not fill a call of the "
            "model and were left out",
            file=sys.stderr,
        )
    if arguments.json:
        print_json(scores.to_dict())
        return 0
    for output in scores.outputs:
        if len(scores.outputs) > 1:
            print(f"{_printable(output.name)}:")
        _print(output, arguments.top)
    return 0


def _print(output: Any, top: int) -> None:
    if output.probabilities is not None:
        for label, probability in output.best(top):
            print(f"{_printable(label):16s} {100 * probability:5.1f} %")
        return
    if output.values.ndim != 1:
        print(f"{output.values.dtype} {output.values.shape}: --json prints the values")
        return
    # No scores of classes: in their order, as the model puts them out.
    for label, value in list(zip(output.labels, output.values, strict=True))[:_MOST_LINES]:
        print(f"{_printable(label):16s} {value:g}")
    if len(output.labels) > _MOST_LINES:
        print(f"and {len(output.labels) - _MOST_LINES} more: --json prints all values")


def _printable(text: str) -> str:
    """Return a name, of a file of anybody, in a form that cannot control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
