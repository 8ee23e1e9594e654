"""`export_esphome`: a Keras model in, a verified wake word for ESPHome out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfpipeline.export.calibrate.calibrate import calibrate
from tfpipeline.export.convert.float_graphs import Converted, convert_model
from tfpipeline.export.errors import ExportError, FloatNeededError
from tfpipeline.export.esphome.manifest import Manifest
from tfpipeline.export.esphome.report import EsphomeReport
from tfpipeline.export.esphome.verify import compare, long_streams, refuse_beyond
from tfpipeline.export.esphome.write_model import FEATURE_RANGE, ends_in_sigmoid, write_model
from tfpipeline.export.lower.scales import Quantizer
from tfpipeline.export.modes import INT16
from tfpipeline.export.options import ExportOptions
from tfpipeline.export.samples.sets import SampleSets, read_sets
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.exportable import check_model, check_targets
from tfpipeline.export.trace.forked import refuse_forked
from tfpipeline.export.trace.names import check_names, parents_of_layers
from tfpipeline.export.trace.predictions import traced_once
from tfpipeline.export.trace.signature import fixed_frames, signature_of
from tfpipeline.export.work_folder import work_folder
from tfpipeline.export.write.model_card import versions
from tfpipeline.features import MicroFrontend
from tfpipeline.inspection import esphome, inspect_model
from tfpipeline.inspection.micro_arena import tensor_arena_bytes, variable_bytes
from tfpipeline.inspection.parse import parse

_MODE = "int16x8"
_EXPECTED = (
    "expected recurrent, dense and convolution layers with tanh, sigmoid or relu: replace the "
    "layer that needs more"
)


def export_esphome(
    model: keras.Model,
    path: str | Path,
    *,
    wake_word: str,
    calibration: Any,
    stride: int = 3,
    author: str = "",
    website: str | None = None,
    trained_languages: Sequence[str] = ("en",),
    probability_cutoff: float = 0.9,
    sliding_window_size: int = 5,
    verification: Any = None,
    tolerances: Tolerances | None = None,
) -> EsphomeReport:
    """Export a wake word model for ESPHome's `micro_wake_word` and for pymicro-wakeword.

    With `path="okay.json"` it writes that manifest, the model `okay.tflite` beside it and
    `okay.report.json`. The model takes `stride` frames of 40 features of the device's front end
    (`tfpipeline.features.MicroFrontend`) a call, keeps its states inside, and puts out the
    probability of the wake word after the last of them. Activations and states are int16, weights
    int8; its operators are the twenty that the device has.

    Args:
        model: A Keras model of one input `(frames, 40)` with a free time axis and one output of one
            unit, a sigmoid or a logit, for each frame or after the last one.
        path: Where the manifest goes; ends in `.json`.
        wake_word: What is said.
        calibration: Features `(samples, frames, 40)`, from any source that `export` takes; folders
            of audio go through the device's front end.
        stride: Frames of a call, of 10 ms each. Fewer make a smaller model, which is called more
            often.
        author: Who trained it.
        website: Where it is from.
        trained_languages: Codes of the languages of the training data.
        probability_cutoff: Mean probability above which the wake word counts.
        sliding_window_size: Calls of that mean.
        verification: Held-out features of the same shape; by default some of the calibration's.
        tolerances: How far the file may be from Keras: `relative_error` counts.

    Returns:
        The report, also written as JSON.

    Raises:
        ExportError: an argument, a layer or an op is not supported; the message names it.
        ConversionError: the TensorFlow Lite converter failed.
        VerificationError: the file would disagree with Keras; nothing is written.
    """
    refuse_forked()
    check_model(model)
    check_names(model)
    target = _target(path)
    manifest = Manifest.check(
        wake_word, author, website, trained_languages, probability_cutoff, sliding_window_size
    )
    if not isinstance(tolerances, Tolerances | None):
        raise ExportError(f"tolerances must be Tolerances(...), received {tolerances!r}")
    if not isinstance(stride, int) or isinstance(stride, bool) or not 1 <= stride <= 255:
        raise ExportError(f"stride must be a number of frames, 1 to 255, received {stride!r}")
    options = _options(model, target.with_suffix(".tflite"), stride)
    frontend = MicroFrontend.CONFIG
    signature, data = read_sets(
        partial(signature_of, model), calibration, verification, frontend, fixed_frames(model)
    )
    _check_signature(signature)
    held_out = _features(signature, data, stride)
    files = [options.target, target, target.with_suffix(".report.json")]
    check_targets(files)
    with work_folder(target.parent) as work, traced_once():
        converted = convert_model(model, signature, data.samples, stride, work)
        file = work / options.target.name
        file.write_bytes(_model_bytes(converted, signature, data, options))
        _refuse_unknown(file)
        report = _report(
            file, target, stride, model, signature, converted, held_out, manifest, data
        )
        for what, found in (("the samples", report.samples), ("long streams", report.streams)):
            refuse_beyond(what, found, tolerances or Tolerances(), str(report))
        text = manifest.to_json(options.target.name, report.tensor_arena_size)
        (work / target.name).write_text(text, encoding="utf-8")
        (work / files[-1].name).write_text(report.to_json(), encoding="utf-8")
        for written in files:
            os.replace(work / written.name, written)
    return report


def _target(path: object) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise ExportError(f"path must be the path of a .json manifest to write, received {path!r}")
    target = Path(os.path.expanduser(path))
    if target.suffix != ".json":
        raise ExportError(
            f"path must end in .json, received {str(target)!r}: it is the manifest, and the model "
            "is written beside it"
        )
    return target


def _options(model: keras.Model, target: Path, stride: int) -> ExportOptions:
    return ExportOptions.check(
        target,
        parents_of_layers(model),
        quantize=_MODE,
        overrides={},
        streaming=True,
        chunk=stride,
        state="internal",
        one_file=False,
        length="fixed",
        io=INT16,
        forms=("portable",),
        clipping="minmax",
        bias_correction=False,
    )


def _check_signature(signature: ModelSignature) -> None:
    shapes = [spec.shape for spec in signature.inputs]
    if shapes != [(None, esphome.FEATURES)]:
        raise ExportError(
            f"model must have one input of shape (None, {esphome.FEATURES}), the features of the "
            f"device for any number of frames, received {shapes}: build it with "
            f"Input((None, {esphome.FEATURES}))"
        )
    shapes = [spec.shape for spec in signature.outputs]
    if shapes not in ([(1,)], [(None, 1)]):
        raise ExportError(
            "model must have one output of one unit, the probability of the wake word, received "
            f"outputs of shape {shapes}: end it with Dense(1, activation='sigmoid')"
        )


def _features(signature: ModelSignature, data: SampleSets, stride: int) -> np.ndarray:
    """Return the verification samples, cut to whole calls.

    Raises:
        ExportError: they are too short, or no features of the device.
    """
    name = signature.inputs[0].name
    for argument, values in (("calibration", data.samples), ("verification", data.held_out)):
        low, high = float(values[name].min()), float(values[name].max())
        # The device cuts what is louder.
        if low < FEATURE_RANGE[0] or high > 1.5 * FEATURE_RANGE[1]:
            raise ExportError(
                f"{argument} has values from {low:g} to {high:g}, and the device's features lie "
                f"between 0 and {FEATURE_RANGE[1]:.1f}: make them with "
                "tfpipeline.features.MicroFrontend, without a normalization"
            )
    frames = data.held_out[name].shape[1] // stride * stride
    if not frames:
        raise ExportError(
            f"calibration has {data.held_out[name].shape[1]} frames, fewer than the {stride} of a "
            "call: pass longer samples, or a smaller stride"
        )
    return data.held_out[name][:, :frames]


def _model_bytes(
    converted: Converted, signature: ModelSignature, data: SampleSets, options: ExportOptions
) -> bytes:
    observed = calibrate(
        converted.data,
        converted.whole,
        converted.marked.marked,
        data.samples,
        options.modes,
        streams=True,
    )
    quantizer = Quantizer(converted.whole, converted.marked.marked, observed)
    names = signature.inputs[0].name, signature.outputs[0].name
    try:
        return write_model(converted, quantizer.table(options.clipping), options, names)
    except FloatNeededError as error:
        raise ExportError(
            f"the wake word runtime cannot run this model: {error.what}, and it computes with "
            f"integers; {_EXPECTED}"
        ) from error


def _refuse_unknown(file: Path) -> None:
    """Refuse a file that the device would.

    Raises:
        ExportError: the message names what it has no operator for.
    """
    refusals = inspect_model(file).target("esphome").refusals
    if refusals:
        found = "; ".join(f"{one.what} x{one.count} ({one.reason})" for one in refusals)
        raise ExportError(f"the wake word runtime cannot run this model: {found}; {_EXPECTED}")


def _report(
    file: Path,
    target: Path,
    stride: int,
    model: keras.Model,
    signature: ModelSignature,
    converted: Converted,
    held_out: np.ndarray,
    manifest: Manifest,
    data: SampleSets,
) -> EsphomeReport:
    found, streams = parse(file), long_streams(held_out)
    states = variable_bytes(found)
    stream = converted.stream
    assert stream is not None
    compared = [
        compare(
            file,
            model,
            signature,
            samples,
            manifest.probability_cutoff,
            not ends_in_sigmoid(stream),
        )
        for samples in (held_out, streams)
    ]
    return EsphomeReport(
        manifest_path=str(target),
        model_path=str(target.with_suffix(".tflite")),
        report_path=str(target.with_suffix(".report.json")),
        file_bytes=file.stat().st_size,
        operators=sum(len(graph.operators) for graph in found.graphs),
        variables=len(states),
        state_bytes=sum(states),
        tensor_arena_size=tensor_arena_bytes(found),
        stride=stride,
        samples=compared[0],
        streams=compared[1],
        stream_frames=streams.shape[1],
        calibration=dict(data.calibration),
        verification={
            "samples": len(held_out),
            "samples_are": data.held_out_are,
            **data.verification,
        },
        versions=versions(),
    )
