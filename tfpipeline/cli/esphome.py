"""The options of `tfpipeline export` that write a wake word for ESPHome."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_esphome_arguments(group: Any) -> None:
    """Add the wake word's options."""
    group.add_argument(
        "--esphome",
        type=Path,
        metavar="NAME.json",
        help="write that manifest, and the model NAME.tflite beside it, for ESPHome's "
        "micro_wake_word and for pymicro-wakeword; in place of --out",
    )
    group.add_argument("--wake-word", metavar="TEXT", help="what is said (default: NAME)")
    group.add_argument(
        "--stride", type=int, default=3, metavar="N", help="frames of a call (default: 3)"
    )
    group.add_argument("--author", default="", metavar="TEXT", help="who trained it")
    group.add_argument("--website", metavar="URL", help="where it is from")
    group.add_argument(
        "--language",
        action="append",
        default=[],
        metavar="CODE",
        help="of the training data; may be repeated (default: en)",
    )
    group.add_argument(
        "--probability-cutoff",
        type=float,
        default=0.9,
        metavar="P",
        help="mean probability above which the wake word counts (default: 0.9)",
    )
    group.add_argument(
        "--sliding-window",
        type=int,
        default=5,
        metavar="N",
        help="calls of that mean (default: 5)",
    )


def write_esphome(arguments: argparse.Namespace) -> int:
    """Write the wake word and print its report."""
    from tfpipeline.cli.export_inputs import ExportInputError
    from tfpipeline.cli.output import print_json
    from tfpipeline.cli.tolerances import tolerances_of
    from tfpipeline.loading import load_with_loss

    others = {
        "--out": arguments.out,
        "--microcontroller": arguments.microcontroller,
        "--data": arguments.data,
    }
    given = [option for option, value in others.items() if value is not None]
    if given:
        raise ExportInputError(
            f"{given[0]} does not go with --esphome, whose model takes the features of the "
            "device's front end: pass --calibration with such features or a folder of .wav files, "
            "and write other files by a call of their own"
        )
    if arguments.calibration is None:
        raise ExportInputError(
            "there is nothing to calibrate with: pass --calibration with a .npy file of features "
            "(samples, frames, 40), or a folder of .wav files"
        )
    model = load_with_loss(arguments.model)
    from tfpipeline.export import Tolerances, export_esphome

    report = export_esphome(
        model,
        arguments.esphome,
        wake_word=arguments.wake_word or arguments.esphome.stem,
        calibration=arguments.calibration,
        stride=arguments.stride,
        author=arguments.author,
        website=arguments.website,
        trained_languages=tuple(arguments.language) or ("en",),
        probability_cutoff=arguments.probability_cutoff,
        sliding_window_size=arguments.sliding_window,
        verification=arguments.verification,
        tolerances=tolerances_of(arguments, Tolerances()),
    )
    if arguments.json:
        print_json(report.to_dict())
    else:
        print(report)
    return 0
