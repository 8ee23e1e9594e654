"""`write_c_header`: a Keras model in, one C header for a microcontroller out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfpipeline.detection import Detector
from tfpipeline.detection.units import LOGITS
from tfpipeline.export.errors import ExportError
from tfpipeline.export.header_refusal import refuse_header
from tfpipeline.export.header_report import CHeaderReport
from tfpipeline.export.samples.sets import SampleSets, read_sets
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.exportable import check_model, check_targets
from tfpipeline.export.trace.header_layers import LINEAR, SIGMOID, HeaderLayers, header_layers
from tfpipeline.export.trace.signature import fixed_frames, signature_of
from tfpipeline.export.verify.drift import LENGTHS
from tfpipeline.export.verify.header_check import HeaderCheck
from tfpipeline.export.work_folder import work_folder
from tfpipeline.export.write import model_card as cards
from tfpipeline.microcontroller import (
    IntegerDetector,
    IntegerModel,
    header_text,
    integer_model,
)
from tfpipeline.microcontroller.header import flash_bytes, header_name, scratch_bytes


def write_c_header(
    model: keras.Model,
    path: str | Path,
    *,
    calibration: Any,
    verification: Any = None,
    frontend: Mapping[str, Any] | None = None,
    labels: Sequence[str] | None = None,
    detector: Detector | None = None,
    streaming: bool | None = None,
    name: str | None = None,
    tolerances: Tolerances | None = None,
) -> CHeaderReport:
    """Write a FastRNN or FastGRNN as one C99 header that needs nothing, and prove it.

    The header has int8 weights (sparse matrices as values and indices where that is smaller) and
    functions of integers of at most 32 bits: no floating point, no allocation, no library. Its
    integers, of which the C has every bit, are compared with Keras before anything is written.
    `NAME.h.report.json` lies beside it.

    Args:
        model: A chain of an optional `keras.layers.Normalization`, a `FastRNN` or `FastGRNN` with
            piecewise-linear functions (`"quant_tanh"`, `"quant_sigmoid"`, `"quant_sigmoid4"`), and
            an optional `Dense` with a softmax or sigmoid.
        path: The header, `.h`.
        calibration: Model inputs that decide how many bits of fraction inputs and states get; any
            source that `export` takes.
        verification: Others to compare on; by default some are held back from the calibration.
        frontend: `LogMel.to_config()`, for folders of audio.
        labels: Names of the classes, for a comment; by default those of the detector.
        detector: A `tfpipeline.Detector`, which the header then computes too.
        streaming: Whether the states run on beyond the length of a sample: then what they reach in
            ten lengths must fit, and the error may not grow. By default where there is a detector.
        name: Prefix of all names in the header; by default that of the file.
        tolerances: How far the header may be from Keras; by default those of int8.

    Returns:
        The report, also written as JSON.

    Raises:
        ExportError: the model has a layer or an option that C has no code for, or an argument is
            not what it should be.
        VerificationError: the header would disagree with Keras; nothing is written.

    Example:
        >>> report = write_c_header(model, "kws.h", calibration=x_train)  # doctest: +SKIP
    """
    check_model(model)
    layers = header_layers(model)
    target = _target(path)
    prefix = header_name(target.name) if name is None else name
    if calibration is None:
        raise ExportError(
            "calibration is missing: the fractions of inputs and states come from it; pass model "
            "inputs, for example calibration=x_train[:200]"
        )
    accepted = Tolerances() if tolerances is None else tolerances
    if not isinstance(accepted, Tolerances):
        raise ExportError(f"tolerances must be Tolerances(...), received {tolerances!r}")
    streams = detector is not None if streaming is None else streaming
    signature, data = read_sets(
        partial(signature_of, model), calibration, verification, frontend, fixed_frames(model)
    )
    made = _integers(layers, data, detector, LENGTHS if streams else 1)
    if labels is None and detector is not None:
        labels = detector.labels
    _check_labels(labels, made)
    report_path = target.with_suffix(".h.report.json")
    check_targets([target, report_path])
    try:
        text = header_text(made, prefix, labels)
    except ValueError as error:
        raise ExportError(str(error)) from error
    check = HeaderCheck(model, signature, layers, made, data, accepted, labels)
    report = CHeaderReport(
        form=check.form(target),
        report_path=str(report_path),
        name=prefix,
        layer=_describe(layers, made),
        x_bits=made.cell.x_bits,
        state_bits=made.cell.state_bits,
        raw_bits=None if made.scaling is None else made.scaling.raw_bits,
        table_bytes=flash_bytes(made),
        state_bytes=made.state_bytes,
        stack_bytes=scratch_bytes(made),
        streaming=streams,
        drift=check.drift(),
        detector=None if detector is None else check.found(detector),
        calibration={"samples": _count(data.samples), **data.calibration},
        verification={
            "samples": _count(data.held_out),
            "samples_are": data.held_out_are,
            **data.verification,
            "tolerances": accepted.to_dict(),
        },
        versions=cards.versions(),
    )
    refuse_header(report, accepted, layers, labels)
    with work_folder(target.parent) as work:
        (work / target.name).write_text(text, encoding="ascii")
        (work / report_path.name).write_text(report.to_json())
        for file in (target, report_path):
            os.replace(work / file.name, file)
    return report


def _target(path: object) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise ExportError(f"path must be the path of a .h file to write, received {path!r}")
    target = Path(os.path.expanduser(path))
    if target.suffix != ".h":
        raise ExportError(f"path must end in .h, received {str(target)!r}")
    return target


def _count(samples: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(samples.values())))


def _integers(
    layers: HeaderLayers, data: SampleSets, detector: Detector | None, lengths: int
) -> IntegerModel:
    """Return the integers of the layers.

    Args:
        layers: what the model computes.
        data: samples.
        detector: what shall find words in the scores.
        lengths: how many samples long the streams are on which the states must fit.
    """
    (values,) = data.samples.values()
    if values.ndim != 3:
        raise ExportError(
            f"calibration has the shape {values.shape}, and a C header takes (samples, time, "
            "features)"
        )
    try:
        made = integer_model(
            layers.step, values, layers.classifier, layers.normalization, lengths=lengths
        )
        if detector is None:
            return made
        found = IntegerDetector(
            detector, made.classes, made.score_unit, layers.activation == SIGMOID
        )
        made = replace(made, detector=found)
    except ValueError as error:
        raise ExportError(f"layer {layers.name!r} cannot be a C header: {error}") from error
    if (detector.scores == LOGITS) != (layers.activation == LINEAR):
        wanted = "'logits'" if layers.activation == LINEAR else "'probabilities' or 'independent'"
        raise ExportError(
            f"detector has scores={detector.scores!r}, and the model ends with the activation "
            f"{layers.activation!r}: make the detector with {wanted}"
        )
    return made


def _check_labels(labels: Sequence[str] | None, made: IntegerModel) -> None:
    if labels is None:
        return
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise ExportError(f"labels must be a list of names, received {labels!r}")
    if len(labels) != made.classes:
        raise ExportError(
            f"labels has {len(labels)} names, expected {made.classes}, one for each class"
        )


def _describe(layers: HeaderLayers, made: IntegerModel) -> dict[str, Any]:
    weights, step = made.cell.weights, layers.step
    matrices = (*weights.kernel, *weights.recurrent_kernel)
    return {
        "name": layers.name,
        "cell": step.cell,
        "units": weights.units,
        "features": weights.features,
        "classes": made.classes,
        "ranks": [len(one[-1]) if len(one) == 2 else None for one in _kernels(made)],
        "weights": sum(matrix.size for matrix in matrices),
        "not_zero": sum(int(np.count_nonzero(matrix)) for matrix in matrices),
    }


def _kernels(made: IntegerModel) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    return made.cell.weights.kernel, made.cell.weights.recurrent_kernel
