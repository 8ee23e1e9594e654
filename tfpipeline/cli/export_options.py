"""The options of `tfpipeline export`: samples, number formats, files, model card."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tfpipeline.cli.dataset import add_data_arguments

#: Named here too, because `--help` must not load what the export needs.
MODES = (
    "float32",
    "float16",
    "dynamic",
    "int4",
    "int2",
    "int8",
    "int8x4",
    "int8x2",
    "int16x8",
    "w2af32",
)
ALIASES = ("w2a8",)
CLIPPINGS = ("minmax", "percentile", "mse", "compare")


def add_samples_arguments(group: Any) -> None:
    add_data_arguments(group, required=False)
    group.add_argument(
        "--calibration",
        type=Path,
        metavar="PATH",
        help="model inputs that set the scales: a .npy array, a .npz with an array for each input "
        "by name, a folder of .wav files, or with --tokenizer a .txt file of one text a line; 256 "
        "are used, at even distances",
    )
    group.add_argument(
        "--verification",
        type=Path,
        metavar="PATH",
        help="the same, held out, to compare on (default: those of the calibration)",
    )
    group.add_argument(
        "--tokenizer",
        type=Path,
        metavar="FILE",
        help="what makes the ids of a model of text, to travel in the file: tokenizer.json of the "
        "tokenizers library, or a .txt file with the vocabulary of Keras' TextVectorization, one "
        "word a line",
    )
    group.add_argument(
        "--frontend",
        type=Path,
        metavar="FILE",
        help="how features are made of audio: a .tflite file or card.json of an earlier export, or "
        "to_config() of LogMel or MicroFrontend as JSON; comes with --data",
    )
    group.add_argument(
        "--calibration-clips",
        type=int,
        default=256,
        metavar="N",
        help="training clips of --data that set the scales (default: 256)",
    )
    group.add_argument(
        "--verification-clips",
        type=int,
        default=300,
        metavar="N",
        help="validation clips of --data to compare on (default: 300)",
    )


def add_formats_arguments(group: Any) -> None:
    group.add_argument(
        "--quantize",
        choices=(*MODES, *ALIASES),
        default="int8",
        metavar="MODE",
        help=f"activations and weights: {', '.join(MODES)} (default: int8); dynamic, int4 and int2 "
        "are formats of weights under float activations, AxB is activations x weights",
    )
    group.add_argument(
        "--override",
        type=_override,
        action="append",
        default=[],
        metavar="LAYER=MODE",
        help="another MODE for the layers of that name; * and ? match as in file names, the first "
        "that fits counts; may be repeated: --override 'dense*=float32'",
    )
    group.add_argument(
        "--io",
        choices=("float32", "int8", "int16"),
        default="float32",
        help="type of inputs and outputs; an integer asks for a graph of integers only, as "
        "microcontrollers want it (default: float32)",
    )
    group.add_argument(
        "--clipping",
        choices=CLIPPINGS,
        default="minmax",
        help="how a range is chosen from the values seen: all, all but the rarest, where the "
        "squared error is least; or compare them, with and without --bias-correction, and take the "
        "best (default: minmax)",
    )
    group.add_argument(
        "--bias-correction",
        action="store_true",
        help="take the mean error of rounded weights out of the biases of dense layers",
    )
    group.add_argument(
        "--per-tensor",
        action="store_true",
        help="one scale for each matrix of integer weights in place of one a row: less accurate, "
        "and 12 bytes a row smaller",
    )
    group.add_argument(
        "--keep-zero-blocks",
        action="store_true",
        help="store 8-bit weights of the fused form with all their zeros, also where so many 8x4 "
        "blocks hold nothing else that leaving these out is faster",
    )


def add_forms_arguments(group: Any) -> None:
    group.add_argument(
        "--streaming",
        action="store_true",
        help="also the models that take --chunk time steps a call, NAME.stream.tflite",
    )
    group.add_argument("--streaming-only", action="store_true", help="only those")
    group.add_argument(
        "--chunk", type=int, default=1, metavar="N", help="time steps of a call (default: 1)"
    )
    group.add_argument(
        "--state",
        choices=("explicit", "internal"),
        default="explicit",
        help="states of a stream as inputs and outputs, or inside with a signature that resets "
        "them (default: explicit)",
    )
    group.add_argument(
        "--length",
        choices=("fixed", "bounded"),
        default="fixed",
        help="whether whole sequences may be shorter than the calibration samples, with their "
        "length as one more input (default: fixed)",
    )
    group.add_argument(
        "--one-file",
        action="store_true",
        help="with --streaming: whole sequences and streams as two signatures of NAME.tflite "
        "that share their weights",
    )
    group.add_argument(
        "--forms",
        choices=("portable", "fused", "both"),
        help="builtin ops only, our custom ops, or both (default: all that the format has)",
    )
    group.add_argument(
        "--c-array",
        action="store_true",
        help="also each file as C source, NAME.c and NAME.h, for programs without files",
    )


def add_card_arguments(group: Any) -> None:
    group.add_argument(
        "--labels", type=Path, metavar="FILE", help="one label a line; comes with --data"
    )
    group.add_argument(
        "--metric",
        type=_metric,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what was measured of the model; may be repeated: --metric test_accuracy=0.98",
    )
    group.add_argument("--description", metavar="TEXT", help="what the model is for")
    group.add_argument("--license", metavar="TEXT", help="its licence, such as Apache-2.0")


def _override(text: str) -> tuple[str, str]:
    layer, equals, mode = text.rpartition("=")
    if not equals or not layer or mode not in (*MODES, *ALIASES):
        raise argparse.ArgumentTypeError(
            f"expected LAYER=MODE with a MODE of {', '.join(MODES)}, received {text!r}"
        )
    return layer, mode


def _metric(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        if name:
            return name, float(value)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"expected NAME=VALUE such as test_accuracy=0.98, received {text!r}"
    )
