"""`export`: a Keras model in, verified `.tflite` files out."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from tfpipeline.export.calibrate import Calibration, calibrate
from tfpipeline.export.conversion import Converted, convert_model
from tfpipeline.export.errors import ExportError
from tfpipeline.export.lower import Form, Lowering
from tfpipeline.export.model_file import ModelFile, Written
from tfpipeline.export.modes import FLOAT32, INT8, INT16, MODES, ModeTable
from tfpipeline.export.report import ExportReport
from tfpipeline.export.signature import ModelSignature, Samples
from tfpipeline.export.states import ExplicitStates, InternalStates, States
from tfpipeline.export.verify import Tolerances, verify
from tfpipeline.runtime.native import ABI_VERSION

_CALIBRATION_LIMIT = 256
"""More samples hardly move a range; the report says how many were used."""


@dataclass(frozen=True)
class _Plan:
    """What one call of `export` writes and how."""

    target: Path
    forms: tuple[Form, ...]
    modes: ModeTable
    io: str
    chunk: int | None
    internal_state: bool
    clipping: str
    correct_bias: bool

    @property
    def exact_streams(self) -> bool:
        """Whether streams must have the bits of the whole sequence.

        Runtimes round float inputs to int16 by two rules: ties go to the even number in vectors,
        away from zero in what is left over. Which values are left over depends on the length.
        """
        rounds_ties_twice = self.io == FLOAT32 and any(
            mode.activations == INT16 for mode in self.modes.modes()
        )
        return self.modes.integer_activations and not rounds_ties_twice


def export(
    model: keras.Model,
    path: str | Path,
    *,
    quantize: str = "int8",
    calibration: Any = None,
    streaming: bool | str = False,
    chunk: int = 1,
    state: str = "explicit",
    io: str = "float32",
    forms: Sequence[str] | None = None,
    overrides: Mapping[str, str] | None = None,
    clipping: str = "minmax",
    bias_correction: bool = False,
    verification: Any = None,
    labels: Sequence[str] | None = None,
    frontend: Mapping[str, Any] | None = None,
    tolerances: Tolerances | None = None,
) -> ExportReport:
    """Exports a Keras model to `.tflite` files and proves them equal to it.

    With `path="kws.tflite"` it writes `kws.tflite` (portable: builtin ops only, for any TensorFlow
    Lite runtime), `kws.fused.tflite` (recurrent and factored layers as our custom ops, for any
    runtime with our plug-in) and `kws.report.json`; with `streaming=True` `kws.stream.tflite`,
    `kws.stream.fused.tflite` and `kws.stream.report.json`, which take `chunk` time steps a call and
    carry their states; with `streaming="both"` all of them.

    Args:
        model: A Keras model. Recurrent layers: `FactoredGRU`, `FactoredLSTM`, `keras.layers.GRU`
            and `keras.layers.LSTM`, among any layers that the converter knows. Streaming needs a
            free time axis and layers that look back only.
        path: Where the portable form goes; ends in `.tflite`.
        quantize: Activations and weights: "int8" (both int8, per channel), "int16x8", "int8x4",
            "int8x2"; "float32", "float16"; or weights only: "dynamic" (int8), "int4", "int2" (for
            binary and ternary weights; others become int8).
        calibration: Model inputs `(samples, ...)`, float32 or integers: an array, or a dict or list
            of them for several inputs. They set every scale, and the length of whole-sequence
            models; without quantized activations they may be missing. The first 256 are used.
        streaming: False, True, or "both".
        chunk: Time steps of a call of a streaming model.
        state: "explicit": states are inputs and outputs; "internal": variables of the interpreter,
            which the signature "reset" clears.
        io: "float32", or "int8" or "int16" as the activations: the type of inputs and outputs.
        forms: "portable", "fused" or both; by default both where there is a fused form.
        overrides: Mode by layer name, with `*` and `?`: `{"dense*": "float32", "gru": "int8x4"}`.
        clipping: How calibration ranges are chosen: "minmax", "percentile" or "mse".
        bias_correction: Subtract from biases of dense layers the mean error that rounded weights
            make on the calibration data.
        verification: Held-out inputs of the same shape; by default the calibration samples.
        labels: Names of the entries of the last axis of a single output, for the model card.
        frontend: `LogMel.to_config()` of the features, for the model card.
        tolerances: How far the files may be from Keras.

    Returns:
        The report, also written as JSON.

    Raises:
        ExportError: an argument, a layer or an op is not supported; the message names it.
        ConversionError: the TensorFlow Lite converter failed.
        VerificationError: a file would disagree with Keras; nothing is written.
    """
    layers = [layer.name for layer in model._flatten_layers(include_self=False)]
    plan = _plan(
        Path(path),
        ModeTable(quantize, overrides or {}, layers),
        quantize,
        streaming,
        chunk,
        state,
        io,
        forms,
        clipping,
        bias_correction,
    )
    given = calibration if calibration is not None else verification
    if given is None:
        raise ExportError(
            "calibration is missing: pass model inputs, for example calibration=x_train[:200]; "
            "formats without quantized activations are content with verification=x_test"
        )
    if calibration is None and (plan.modes.needs_ranges or any(f.fused for f in plan.forms)):
        raise ExportError(
            f"calibration is missing: quantize={quantize!r} takes its scales from it; pass model "
            "inputs, for example calibration=x_train[:200]"
        )
    signature = ModelSignature.of(model, given)
    samples = signature.check("calibration" if calibration is not None else "verification", given)
    samples = {name: values[:_CALIBRATION_LIMIT] for name, values in samples.items()}
    held_out = samples
    if verification is not None:
        held_out = signature.check("verification", verification)
        frames, expected = signature.frames(held_out), signature.frames(samples)
        if frames != expected:
            raise ExportError(
                f"verification has {frames} time steps, expected {expected} as "
                "calibration has: cut or pad it"
            )
    _check_labels(labels, signature)
    card = {
        "labels": None if labels is None else list(labels),
        "frontend": None if frontend is None else dict(frontend),
    }
    accepted = tolerances or Tolerances.for_mode(plan.modes.modes())
    return _export(
        model,
        signature,
        plan,
        quantize,
        dict(overrides or {}),
        samples,
        held_out,
        verification is not None,
        card,
        accepted,
    )


def _export(
    model: keras.Model,
    signature: ModelSignature,
    plan: _Plan,
    quantize: str,
    overrides: dict[str, str],
    samples: Samples,
    held_out: Samples,
    is_held_out: bool,
    card: dict[str, Any],
    tolerances: Tolerances,
) -> ExportReport:
    seconds: dict[str, float] = {}
    target = plan.target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
        work = Path(folder)
        with _timed(seconds, "convert"):
            converted = convert_model(model, signature, samples, plan.chunk, work)
        with _timed(seconds, "calibrate"):
            found = calibrate(
                converted.data,
                converted.whole,
                converted.marked.marked,
                samples,
                plan.modes,
                plan.clipping,
            )
        card = {**card, **_card(found, quantize, overrides, plan)}
        files: dict[Form, Path] = {}
        kept: dict[str, set[str]] = {}
        with _timed(seconds, "lower"):
            for form in plan.forms:
                written = _write(signature, converted, found, form, plan, card)
                files[form] = work / _name(target, form)
                files[form].write_bytes(written.data)
                for op in written.kept_float:
                    kept.setdefault(op.layer or "(no layer)", set()).add(op.code)
        with _timed(seconds, "verify"):
            expected = signature.predict(model, held_out)
            results, agreement = verify(files, held_out, expected, tolerances, plan.exact_streams)
        stem = ".stream" if all(form.streaming for form in plan.forms) else ""
        report_path = target.with_suffix(f"{stem}.report.json")
        report = ExportReport(
            forms=tuple(
                replace(result, path=str(target.with_name(file.name)))
                for result, file in zip(results, files.values(), strict=True)
            ),
            report_path=str(report_path),
            quantize=quantize,
            overrides=overrides,
            layers=tuple(_describe(layer) for layer in found.recurrent_plans()),
            kept_float={layer: sorted(codes) for layer, codes in sorted(kept.items())},
            calibration={
                "samples": found.samples,
                "sha256": found.sha256,
                "clipping": plan.clipping,
                "bias_correction": plan.correct_bias,
            },
            verification={
                "samples": len(next(iter(held_out.values()))),
                "held_out": is_held_out,
                "tolerances": vars(tolerances).copy(),
            },
            forms_agreement=agreement,
            versions=_versions(),
            seconds={step: round(value, 3) for step, value in seconds.items()},
        )
        (work / report_path.name).write_text(report.to_json())
        for file in (*files.values(), work / report_path.name):
            os.replace(file, target.with_name(file.name))
    return report


def _write(
    signature: ModelSignature,
    converted: Converted,
    calibration: Calibration,
    form: Form,
    plan: _Plan,
    card: dict[str, Any],
) -> Written:
    file = ModelFile(signature, plan.io, plan.modes.default.activations)
    graph = file.graph()
    source, states = converted.whole, None
    if form.streaming:
        assert converted.chunk is not None
        source, pairs = converted.chunk
        calibration = calibration.carried_to(pairs)
        kind: type[States] = InternalStates if plan.internal_state else ExplicitStates
        states = kind(graph)
    lowering = Lowering(
        source,
        calibration,
        graph,
        form,
        plan.modes,
        converted.marked.layer_of,
        states,
        integers_only=plan.io != FLOAT32,
        correct_bias=plan.correct_bias,
    )
    own = {
        "form": "fused" if form.fused else "portable",
        "requires": {"plugin_abi": ABI_VERSION} if form.fused else None,
        "chunk": plan.chunk if form.streaming else None,
    }
    return file.write(lowering, states, {**card, **own})


def _plan(
    target: Path,
    modes: ModeTable,
    quantize: str,
    streaming: bool | str,
    chunk: int,
    state: str,
    io: str,
    forms: Sequence[str] | None,
    clipping: str,
    correct_bias: bool,
) -> _Plan:
    """Checks the options and lists the files to write."""
    activations = modes.default.activations
    choices: tuple[tuple[str, object, tuple[object, ...]], ...] = (
        ("io", io, tuple(dict.fromkeys((FLOAT32, activations)))),
        ("streaming", streaming, (False, True, "both")),
        ("state", state, ("explicit", "internal")),
    )
    for name, value, allowed in choices:
        if value not in allowed:
            options = ", ".join(repr(choice) for choice in allowed)
            what = f" with quantize={quantize!r}" if name == "io" else ""
            raise ExportError(f"{name} must be one of {options}{what}, received {value!r}")
    if not isinstance(chunk, int) or isinstance(chunk, bool) or chunk < 1:
        raise ExportError(f"chunk must be a positive number of time steps, received {chunk!r}")
    if target.suffix != ".tflite":
        raise ExportError(f"path must end in .tflite, received {str(target)!r}")
    chosen = _forms(forms, modes, quantize)
    times = {False: (False,), True: (True,), "both": (False, True)}[streaming]
    return _Plan(
        target,
        tuple(
            Form(name == "fused", stream)
            for stream in times
            for name in ("portable", "fused")
            if name in chosen
        ),
        modes,
        io,
        chunk if streaming else None,
        state == "internal",
        clipping,
        correct_bias,
    )


def _forms(forms: Sequence[str] | None, modes: ModeTable, quantize: str) -> tuple[str, ...]:
    can_fuse = all(mode.integer_weights and mode.activations != "int16" for mode in modes.modes())
    if forms is None:
        return ("portable", "fused") if can_fuse else ("portable",)
    if not forms or set(forms) - {"portable", "fused"}:
        raise ExportError(f"forms must hold 'portable', 'fused' or both, received {tuple(forms)!r}")
    if "fused" in forms and not can_fuse:
        fusable = ", ".join(
            repr(name)
            for name, mode in MODES.items()
            if mode.integer_weights and mode.activations in (FLOAT32, INT8)
        )
        raise ExportError(
            f"forms has 'fused', but quantize={quantize!r} has none: our ops take int8 activations "
            f"and integer weights; expected one of {fusable}"
        )
    return tuple(forms)


def _check_labels(labels: Sequence[str] | None, signature: ModelSignature) -> None:
    if labels is None:
        return
    size = signature.outputs[0].shape[-1] if signature.outputs[0].shape else None
    if len(signature.outputs) > 1 or len(labels) != size:
        raise ExportError(
            f"labels has {len(labels)} names, expected {size}, one for each output of the model"
        )


def _name(target: Path, form: Form) -> str:
    suffix = (".stream" if form.streaming else "") + (".fused" if form.fused else "") + ".tflite"
    return target.stem + suffix


def _card(
    calibration: Calibration, quantize: str, overrides: dict[str, str], plan: _Plan
) -> dict[str, Any]:
    mode = plan.modes.default
    return {
        "ranks": {layer.name: layer.ranks() for layer in calibration.recurrent_plans()},
        "quantization": {
            "mode": quantize,
            "weights": mode.weights,
            "activations": mode.activations,
            "overrides": overrides,
            "per_channel": mode.integer_weights,
        },
        "calibration": {"samples": calibration.samples, "sha256": calibration.sha256},
        "versions": _versions(),
    }


def _describe(plan: Any) -> dict[str, Any]:
    matrices = (*plan.kernel, *plan.recurrent_kernel)
    return {
        "name": plan.name,
        "units": plan.units,
        "features": plan.features,
        "ranks": plan.ranks(),
        "weight_bytes": sum(matrix.values.size for matrix in matrices) * plan.bits // 8,
    }


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[step] = time.monotonic() - started


def _versions() -> dict[str, str]:
    packages = ("tfpipeline", "keras", "tensorflow", "ai-edge-litert", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
