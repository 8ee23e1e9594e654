"""`export`: a Keras model in, verified int8 `.tflite` files out."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfpipeline.export.calibrate import Calibration, calibrate, check_samples
from tfpipeline.export.convert import ConversionJob, convert
from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer import FloatGraph, read_float_graph
from tfpipeline.export.lower import Form, Lowering, calibration_for_step
from tfpipeline.export.mark import MarkedLayer, input_features, save_marked
from tfpipeline.export.report import ExportReport
from tfpipeline.export.verify import Tolerances, verify
from tfpipeline.progress import progress
from tfpipeline.runtime.native import ABI_VERSION

_WHOLE, _STEP = "whole", "step"
_CALIBRATION_LIMIT = 256
"""More samples hardly move a range; the report says how many were used."""


def export(
    model: keras.Model,
    path: str | Path,
    *,
    quantize: str = "int8",
    calibration: np.ndarray,
    streaming: bool | str = False,
    io: str = "float32",
    forms: Sequence[str] = ("portable", "fused"),
    verification: np.ndarray | None = None,
    labels: Sequence[str] | None = None,
    frontend: Mapping[str, Any] | None = None,
    tolerances: Tolerances | None = None,
) -> ExportReport:
    """Exports a recurrent Keras model to int8 `.tflite` files and proves them equal to it.

    With `path="kws.tflite"` it writes `kws.tflite` (portable: builtin ops only, for any TensorFlow
    Lite runtime), `kws.fused.tflite` (recurrent and factored layers as our custom ops, for any
    runtime with our plug-in) and `kws.report.json`; with `streaming=True` `kws.stream.tflite`,
    `kws.stream.fused.tflite` and `kws.stream.report.json`, which take one time step a call and have
    their states as inputs and outputs; with `streaming="both"` all of them.

    Args:
        model: A Keras model with one input `(batch, time, features)`, whose time axis is free for
            streaming, and one output. Recurrent layers: `FactoredGRU`, `keras.layers.GRU`.
        path: Where the portable form goes; ends in `.tflite`.
        quantize: "int8": static int8, weights per output channel, activations per tensor.
        calibration: float32 `(samples, time, features)`; sets every scale, and the length of
            whole-sequence models. The first 256 samples are used.
        streaming: False, True, or "both".
        io: "float32" or "int8", the type of the model's input and output.
        forms: Which of "portable" and "fused" to write.
        verification: Held-out inputs of the same shape; by default the calibration samples.
        labels: Names of the outputs, for the model card.
        frontend: `LogMel.to_config()` of the features, for the model card.
        tolerances: How far the files may be from Keras.

    Returns:
        The report, also written as JSON.

    Raises:
        ExportError: an argument, a layer or an op is not supported; the message names it.
        ConversionError: the TensorFlow Lite converter failed.
        VerificationError: a file would disagree with Keras; nothing is written.
    """
    target = Path(path)
    wanted = _forms(target, quantize, streaming, io, forms)
    features = input_features(model)
    samples = check_samples("calibration", calibration, features)[:_CALIBRATION_LIMIT]
    held_out = samples
    if verification is not None:
        held_out = check_samples("verification", verification, features)
        if held_out.shape[1] != samples.shape[1]:
            raise ExportError(
                f"verification has {held_out.shape[1]} time steps, expected {samples.shape[1]} as "
                "calibration has: cut or pad it"
            )
    if labels is not None and len(labels) != model.outputs[0].shape[-1]:
        raise ExportError(
            f"labels has {len(labels)} names, expected {model.outputs[0].shape[-1]}, one for each "
            "output of the model"
        )
    seconds: dict[str, float] = {}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
        work = Path(folder)
        started = time.monotonic()
        streams = any(form.streaming for form in wanted)
        graphs, layers = _mark(model, work, samples.shape[1], streams)
        seconds["convert"] = time.monotonic() - started
        started = time.monotonic()
        whole, marked = graphs[_WHOLE]
        table = calibrate(marked, whole, layers, samples)
        seconds["calibrate"] = time.monotonic() - started
        started = time.monotonic()
        card = _card(table, labels, frontend, quantize)
        written: dict[Form, Path] = {}
        for form in wanted:
            written[form] = work / _name(target, form)
            written[form].write_bytes(_lower(graphs, table, form, io, card))
        seconds["lower"] = time.monotonic() - started
        started = time.monotonic()
        expected = model.predict(held_out, verbose=0)
        accepted = tolerances or Tolerances()
        results, agreement = verify(written, held_out, expected, accepted)
        seconds["verify"] = time.monotonic() - started
        report_path = target.with_suffix(
            ".stream.report.json" if streaming is True else ".report.json"
        )
        report = ExportReport(
            forms=tuple(
                type(result)(**{**vars(result), "path": str(target.with_name(file.name))})
                for result, file in zip(results, written.values(), strict=True)
            ),
            report_path=str(report_path),
            layers=tuple(_describe(plan) for plan in table.plans.values()),
            calibration={"samples": table.samples, "sha256": table.sha256},
            verification={
                "samples": len(held_out),
                "held_out": verification is not None,
                "tolerances": vars(accepted).copy(),
            },
            forms_agreement=agreement,
            versions=_versions(),
            seconds={step: round(value, 3) for step, value in seconds.items()},
        )
        (work / report_path.name).write_text(report.to_json())
        for file in (*written.values(), work / report_path.name):
            os.replace(file, target.with_name(file.name))
    return report


def _forms(
    target: Path, quantize: str, streaming: bool | str, io: str, forms: Sequence[str]
) -> list[Form]:
    """Checks the options and lists the files to write."""
    choices: tuple[tuple[str, object, tuple[object, ...]], ...] = (
        ("quantize", quantize, ("int8",)),
        ("io", io, ("float32", "int8")),
        ("streaming", streaming, (False, True, "both")),
    )
    for name, value, allowed in choices:
        if value not in allowed:
            options = ", ".join(repr(choice) for choice in allowed)
            raise ExportError(f"{name} must be one of {options}, received {value!r}")
    if target.suffix != ".tflite":
        raise ExportError(f"path must end in .tflite, received {str(target)!r}")
    unknown = set(forms) - {"portable", "fused"}
    if unknown or not forms:
        raise ExportError(f"forms must hold 'portable', 'fused' or both, received {tuple(forms)!r}")
    times = {False: (False,), True: (True,), "both": (False, True)}[streaming]
    return [
        Form(fused, stream)
        for stream in times
        for fused in (False, True)
        if ("fused" if fused else "portable") in forms
    ]


def _name(target: Path, form: Form) -> str:
    suffix = (".stream" if form.streaming else "") + (".fused" if form.fused else "") + ".tflite"
    return target.stem + suffix


def _mark(
    model: keras.Model, work: Path, frames: int, streams: bool
) -> tuple[dict[str, tuple[FloatGraph, bytes]], list[MarkedLayer]]:
    counts = {_WHOLE: frames, **({_STEP: 1} if streams else {})}
    with progress("Converting"):
        layers = save_marked(model, work, counts)
        jobs = [
            ConversionJob(str(work / key), str(work / f"{key}.marked"), custom_ops=True)
            for key in counts
        ]
        convert(jobs, work)
    data = {key: Path(job.output).read_bytes() for key, job in zip(counts, jobs, strict=True)}
    return {key: (read_float_graph(value), value) for key, value in data.items()}, layers


def _lower(
    graphs: dict[str, tuple[FloatGraph, bytes]],
    table: Calibration,
    form: Form,
    io: str,
    card: dict[str, Any],
) -> bytes:
    whole, _ = graphs[_WHOLE]
    if form.streaming:
        step, _ = graphs[_STEP]
        lowering = Lowering(step, calibration_for_step(table, whole, step), form, io)
    else:
        lowering = Lowering(whole, table, form, io)
    requires = {"plugin_abi": ABI_VERSION} if form.fused else None
    return lowering.to_bytes({**card, "requires": requires})


def _card(
    table: Calibration,
    labels: Sequence[str] | None,
    frontend: Mapping[str, Any] | None,
    quantize: str,
) -> dict[str, Any]:
    return {
        "labels": None if labels is None else list(labels),
        "frontend": None if frontend is None else dict(frontend),
        "ranks": {plan.name: plan.ranks() for plan in table.plans.values()},
        "quantization": {"weights": quantize, "activations": "int8", "per_channel": True},
        "calibration": {"samples": table.samples, "sha256": table.sha256},
        "versions": _versions(),
    }


def _describe(plan: Any) -> dict[str, Any]:
    matrices = (*plan.kernel, *plan.recurrent_kernel)
    return {
        "name": plan.name,
        "units": plan.units,
        "features": plan.features,
        "ranks": plan.ranks(),
        "weight_bytes": sum(matrix.values.size for matrix in matrices),
    }


def _versions() -> dict[str, str]:
    packages = ("tfpipeline", "keras", "tensorflow", "ai-edge-litert", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
