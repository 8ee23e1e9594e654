"""The options of `tfpipeline export` that write a C header for microcontrollers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfpipeline.cli.export_inputs import ExportInputError
from tfpipeline.cli.tolerances import tolerances_of

if TYPE_CHECKING:
    import keras

    from tfpipeline.detection import Detector
    from tfpipeline.export import CHeaderReport


def add_microcontroller_arguments(group: Any) -> None:
    """Add the header's options."""
    group.add_argument(
        "--microcontroller",
        type=Path,
        metavar="NAME.h",
        help="write a FastRNN or FastGRNN with piecewise-linear functions as one C header of "
        "integers that needs no library; alone or with --out. With --streaming its states must "
        "last for ten samples",
    )
    group.add_argument(
        "--cutoff",
        type=float,
        metavar="P",
        help="with a detector of words in it, at this mean probability; asks for labels",
    )
    group.add_argument(
        "--window", type=int, default=10, help="time steps of the detector's mean (default: 10)"
    )
    group.add_argument(
        "--refractory",
        type=int,
        default=100,
        help="time steps after a detection in which there is no other (default: 100)",
    )


def write_header(
    model: keras.Model, arguments: argparse.Namespace, inputs: dict[str, Any]
) -> CHeaderReport:
    """Write the header that the arguments ask for.

    Args:
        model: the Keras model.
        arguments: of the command.
        inputs: samples, labels and front end, as `inputs_of` returns them.

    Raises:
        ExportInputError: there is a cutoff, and no label.
    """
    from tfpipeline.export import Tolerances, write_c_header

    detector = None
    if arguments.cutoff is not None:
        if inputs["labels"] is None:
            raise ExportInputError("--cutoff asks for a detector of words: name them with --labels")
        detector = _detector(model, arguments, inputs["labels"])
    return write_c_header(
        model,
        arguments.microcontroller,
        detector=detector,
        streaming=arguments.streaming or arguments.streaming_only or None,
        tolerances=tolerances_of(arguments, Tolerances()),
        **inputs,
    )


def _detector(model: keras.Model, arguments: argparse.Namespace, labels: list[str]) -> Detector:
    from tfpipeline.detection import Detector
    from tfpipeline.export.trace.header_layers import header_layers

    kinds = {"linear": "logits", "softmax": "probabilities", "sigmoid": "independent"}
    try:
        return Detector(
            labels,
            cutoff=arguments.cutoff,
            window=arguments.window,
            refractory=float(arguments.refractory),
            scores=kinds[header_layers(model).activation],
            frame_seconds=1.0,
        )
    except ValueError as error:
        raise ExportInputError(f"the detector cannot be made: {error}") from error
