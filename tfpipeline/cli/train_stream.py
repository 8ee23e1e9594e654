"""`tfpipeline train-stream`: train a keyword model on long recordings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HELP = "train a keyword model on long recordings, to find words in streams that are never reset"
EXAMPLE = (
    "tfpipeline train-stream demo-out/stage2.keras recordings/train --card demo-out/kws.card.json "
    "--validation recordings/validation --out stream.keras"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="a .keras file with a score for each label")
    parser.add_argument(
        "recordings",
        type=Path,
        help="folder of WAV files; words spoken in NAME.wav are in NAME.txt, lines of "
        "START<TAB>END<TAB>LABEL in seconds (Audacity's labels); without it none is",
    )
    parser.add_argument(
        "--card",
        type=Path,
        required=True,
        metavar="FILE",
        help=".card.json or .tflite of the model's export: its features and labels",
    )
    parser.add_argument(
        "--validation", type=Path, metavar="DIR", help="other recordings, to choose the epoch on"
    )
    parser.add_argument("--out", type=Path, required=True, help="the .keras file to write")
    parser.add_argument("--epochs", type=int, default=12, help="(default: 12)")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate (default: 0.002)")
    parser.add_argument("--lanes", type=int, default=32, help="streams side by side (default: 32)")
    parser.add_argument(
        "--hold",
        type=float,
        default=0.3,
        help="seconds after the end of a word in which it is the right answer (default: 0.3)",
    )
    parser.add_argument(
        "--background",
        default="_unknown_",
        help="label that is right where no word was (default: _unknown_)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of order and levels (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.detection.units import LOGITS
    from tfpipeline.loading import load_model
    from tfpipeline.recipes.atomic import save_model
    from tfpipeline.recipes.keras_scores import read_scoring_card
    from tfpipeline.recipes.run_inputs import RunError, front_end_of_card
    from tfpipeline.recipes.stream_frames import FrameLabels, read_stream_frames
    from tfpipeline.recipes.stream_training import StreamTraining, train_on_recordings

    card = read_scoring_card(arguments.card)
    front_end = front_end_of_card(arguments.card, card)
    if not card["labels"]:
        raise RunError(f"{arguments.card} names no labels; export the model with labels.")
    frames = FrameLabels(tuple(card["labels"]), arguments.background, arguments.hold)
    settings = StreamTraining(
        epochs=arguments.epochs, lanes=arguments.lanes, rate=arguments.rate, seed=arguments.seed
    )
    model = load_model(arguments.model, compile=False)
    scores = _scores_of(arguments, card, model.output_shape[-1])
    train = read_stream_frames(arguments.recordings, front_end, frames)
    validation = (
        read_stream_frames(arguments.validation, front_end, frames) if arguments.validation else []
    )
    train_on_recordings(model, train, validation, settings, scores == LOGITS)
    save_model(model, arguments.out)
    print(arguments.out)
    return 0


def _scores_of(arguments: argparse.Namespace, card: Mapping[str, Any], scores: int) -> str:
    """Return what the model's scores are, or raise where they are not those of the card."""
    from tfpipeline.detection.units import INDEPENDENT
    from tfpipeline.recipes.run_inputs import RunError

    if scores != len(card["labels"]):
        raise RunError(
            f"{arguments.model} has {scores} scores, and {arguments.card} {len(card['labels'])} "
            "labels; name the card of this model's export."
        )
    kind = str(card["outputs"][0].get("scores"))
    if kind == INDEPENDENT:
        raise RunError(
            f"{arguments.model} says of each word by itself whether it was said; expected logits "
            "or a softmax over all labels."
        )
    return kind
