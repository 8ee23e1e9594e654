"""Whole sequences of bounded length: shorter samples, against Keras on the same cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from tfpipeline.export.errors import ExportError
from tfpipeline.export.options import Form
from tfpipeline.export.samples.signature import ModelSignature, Samples, TensorSpec
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.predictions import predict
from tfpipeline.export.verify.problems import Problem
from tfpipeline.export.verify.relative_error import (
    RelativeErrors,
    Scales,
    channels_of,
    relative_errors,
    worst_channel,
)
from tfpipeline.export.verify.score_kinds import Scores
from tfpipeline.runtime import Interpreter
from tfpipeline.runtime.model_card import LENGTH

_MOST_SAMPLES = 16


@dataclass(frozen=True)
class LengthsReport:
    """A whole-sequence file on shorter sequences.

    Args:
        lengths: Those that were tried.
        samples: How many samples were cut to each.
        relative_error: Against Keras on the cut samples, over all lengths and channels of the
            output that is furthest off.
        channel_error: Of the worst channel of all outputs.
        ignores_padding: Whether other values after the end give the same bits.
    """

    lengths: tuple[int, ...]
    samples: int
    relative_error: float
    channel_error: float
    ignores_padding: bool


def check_samples(signature: ModelSignature, samples: Samples) -> None:
    """Refuse inputs with which one length is not enough.

    Raises:
        ExportError: saying which.
    """
    if any(spec.name == LENGTH for spec in signature.inputs):
        raise ExportError(
            f"the model has an input {LENGTH!r}, which is the name of what length='bounded' adds: "
            "rename it"
        )
    sizes = {spec.name: samples[spec.name].shape[1] for spec in signature.inputs if spec.has_time}
    if len(set(sizes.values())) > 1 or 1 in sizes.values():
        raise ExportError(
            "length='bounded' needs samples of several time steps, and of the same number for each "
            f"input, received {sizes}: calibrate with such, or leave length out"
        )


def verify_lengths(
    files: Mapping[Form, Path],
    signature: ModelSignature,
    model: keras.Model,
    held_out: Samples,
    scores: Mapping[str, Scores],
) -> dict[str, LengthsReport]:
    """Run every whole-sequence file on samples that are cut to shorter lengths.

    Args:
        files: The written file of each form.
        signature: Names of the model's inputs and outputs.
        model: The Keras model.
        held_out: Samples of the full length.
        scores: What the entries of each output are.
    """
    few = {name: values[:_MOST_SAMPLES] for name, values in held_out.items()}
    frames = signature.frames(few)
    assert frames is not None
    lengths = tuple(sorted({1, -(-frames // 4), -(-frames // 2), frames - 1}))
    timed = {spec.name for spec in signature.inputs if spec.has_time}
    cuts = [
        {name: values[:, :length] if name in timed else values for name, values in few.items()}
        for length in lengths
    ]
    expected = [predict(model, signature, cut) for cut in cuts]
    reports = {}
    for form, path in files.items():
        if form.streaming:
            continue
        interpreter = Interpreter(path)
        found = [_named(signature, interpreter.predict(cut)) for cut in cuts]
        ignores = all(
            np.array_equal(result[name][0], value)
            for length, result in zip(lengths, found, strict=True)
            for name, value in _with_more_behind(signature, interpreter, few, length).items()
        )
        errors = [_errors(spec, found, expected, scores[spec.name]) for spec in signature.outputs]
        reports[form.name] = LengthsReport(
            lengths,
            len(few[next(iter(few))]),
            relative_error=_worst([one.overall for one in errors]),
            channel_error=_worst([one.channel for one in errors]),
            ignores_padding=ignores,
        )
    return reports


def problems_of_lengths(
    reports: Mapping[str, LengthsReport], tolerances: Tolerances, exact: bool
) -> list[Problem]:
    """Return what is beyond the tolerances on shorter sequences.

    Args:
        reports: By form, what `verify_lengths` measured.
        tolerances: What to accept.
        exact: Whether padding must not change a bit. Kernels that quantize on the fly choose their
            scales from all they are given.
    """
    found = []
    for name, report in reports.items():
        where = f"on samples cut to {report.lengths} time steps, which length='fixed' leaves out"
        whole, channel = report.relative_error, report.channel_error
        if not whole <= tolerances.relative_error:
            bound = {"relative_error": tolerances.accepting(whole)}
            what = f"relative error {whole:.4f} > {tolerances.relative_error:g}"
            found.append(Problem(name, f"{what} {where}", bound))
        if not channel <= tolerances.channel_error:
            bound = {"relative_error": tolerances.accepting_channel(channel)}
            what = f"relative error {channel:.4f} > {tolerances.channel_error:g} of one channel"
            found.append(Problem(name, f"{what} {where}", bound))
        if exact and not report.ignores_padding:
            found.append(Problem(name, f"it depends on what comes after the end {where}", {}))
    return found


def _with_more_behind(
    signature: ModelSignature, interpreter: Interpreter, samples: Samples, length: int
) -> Samples:
    """Run the first sample as if it ended at `length`, with its later time steps as padding."""
    interpreter.set_input({name: values[0] for name, values in samples.items()}, length=length)
    interpreter.invoke()
    return _named(signature, interpreter.output())


def _named(signature: ModelSignature, values: dict[str, np.ndarray] | np.ndarray) -> Samples:
    return values if isinstance(values, dict) else {signature.outputs[0].name: values}


def _worst(errors: list[float]) -> float:
    return errors[worst_channel(errors)]


def _errors(
    spec: TensorSpec, found: list[Samples], expected: list[Samples], scores: Scores
) -> RelativeErrors:
    ours, theirs = (
        np.concatenate([channels_of(result[spec.name], spec.has_time) for result in results])
        for results in (found, expected)
    )
    scales = Scales.of(theirs, comparable=scores.comparable)
    return relative_errors(ours, theirs, scales)
