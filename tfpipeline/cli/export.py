"""`tfpipeline export`: a trained model to verified .tflite files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfpipeline.cli.esphome import add_esphome_arguments, write_esphome
from tfpipeline.cli.export_options import (
    add_card_arguments,
    add_formats_arguments,
    add_forms_arguments,
    add_samples_arguments,
)
from tfpipeline.cli.microcontroller import add_microcontroller_arguments, write_header
from tfpipeline.cli.tolerances import add_tolerance_arguments, advice_in_options, tolerances_of

if TYPE_CHECKING:
    import keras

    from tfpipeline.export import ExportReport, Tolerances

HELP = "write .tflite files in any number format and compare them with the model"
EXAMPLE = (
    "tfpipeline export demo-out/stage2.keras --data demo-out/corpus --out kws.tflite --streaming; "
    "tfpipeline export model.keras --calibration x_train.npy --quantize int16x8 "
    "--override dense=dynamic --out model.tflite; "
    "tfpipeline export fast_grnn.keras --calibration x_train.npy --microcontroller kws.h; "
    "tfpipeline export wake_word.keras --calibration features.npy --esphome okay_computer.json"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="a .keras file")
    parser.add_argument(
        "--out",
        type=Path,
        help="the portable file, NAME.tflite, to write, unless --microcontroller or --esphome",
    )
    add_samples_arguments(
        parser.add_argument_group("samples, of which --data or --calibration is needed")
    )
    add_formats_arguments(parser.add_argument_group("number formats"))
    add_forms_arguments(parser.add_argument_group("files"))
    add_microcontroller_arguments(parser.add_argument_group("C header for microcontrollers"))
    add_esphome_arguments(parser.add_argument_group("wake word for ESPHome"))
    add_card_arguments(parser.add_argument_group("model card"))
    add_tolerance_arguments(parser.add_argument_group("tolerances"), drift=True)
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="also measure what rounding each layer alone costs",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


@advice_in_options()
def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.export_inputs import ExportInputError, inputs_of
    from tfpipeline.cli.output import print_json
    from tfpipeline.loading import load_with_loss

    if arguments.esphome is not None:
        return write_esphome(arguments)
    if arguments.out is None and arguments.microcontroller is None:
        raise ExportInputError(
            "there is nothing to write: pass --out NAME.tflite, --microcontroller NAME.h, or both, "
            "or --esphome NAME.json"
        )
    model = load_with_loss(arguments.model)
    inputs = inputs_of(arguments)
    files = None if arguments.out is None else _files(model, arguments, inputs)
    header = None
    if arguments.microcontroller is not None:
        header = write_header(model, arguments, inputs)
    reports = [report for report in (files, header) if report is not None]
    if not arguments.json:
        print("\n".join(map(str, reports)))
    elif files is None or header is None:
        print_json(reports[0].to_dict())
    else:
        print_json({**files.to_dict(), "c_header": header.to_dict()})
    return 0


def _files(
    model: keras.Model, arguments: argparse.Namespace, inputs: dict[str, Any]
) -> ExportReport:
    """Write the `.tflite` files, and C arrays of them."""
    from tfpipeline.export import export, write_c_array

    report = export(
        model,
        arguments.out,
        quantize=arguments.quantize,
        overrides=dict(arguments.override),
        io=arguments.io,
        clipping=arguments.clipping,
        bias_correction=arguments.bias_correction,
        per_channel=not arguments.per_tensor,
        block_sparse=not arguments.keep_zero_blocks,
        streaming=True if arguments.streaming_only else "both" if arguments.streaming else False,
        chunk=arguments.chunk,
        state=arguments.state,
        one_file=arguments.one_file,
        length=arguments.length,
        forms={None: None, "both": ("portable", "fused")}.get(arguments.forms, (arguments.forms,)),
        tolerances=_tolerances(arguments),
        sensitivity=arguments.sensitivity,
        metrics=dict(arguments.metric),
        description=arguments.description,
        license=arguments.license,
        **inputs,
    )
    if arguments.c_array:
        for path in dict.fromkeys(form.path for form in report.forms):
            write_c_array(path, Path(path).with_suffix(".c"))
    return report


def _tolerances(arguments: argparse.Namespace) -> Tolerances:
    """Those that are usual for the formats, but for what the user said."""
    from tfpipeline.export import Tolerances
    from tfpipeline.export.modes import MODES as FORMATS
    from tfpipeline.export.modes import canonical

    names = [arguments.quantize, *(mode for _, mode in arguments.override)]
    return tolerances_of(
        arguments, Tolerances.for_mode([FORMATS[canonical(name)] for name in names])
    )
