"""Runs every written form on held-out samples and compares it with Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.export.options import Form
from tfpipeline.export.samples.signature import Samples
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.verify.agreement import (
    Decisions,
    can_choose,
    compare_booleans,
    compare_decisions,
    margin,
)
from tfpipeline.export.verify.form_report import FormReport, OutputReport
from tfpipeline.export.verify.problems import Problem
from tfpipeline.export.verify.relative_error import (
    Scales,
    are_decisions,
    relative_errors,
    worst_channel,
)
from tfpipeline.export.verify.same_shapes import check_outputs
from tfpipeline.export.verify.score_kinds import Scores
from tfpipeline.progress import progress
from tfpipeline.runtime import Interpreter, Streamer


@dataclass(frozen=True)
class Reference:
    """What files are compared with.

    Args:
        samples: Model inputs by name.
        expected: Keras' outputs by name.
        scores: What the entries of each output are.
        timed: The outputs with a time axis.
    """

    samples: Samples
    expected: Samples
    scores: Mapping[str, Scores]
    timed: frozenset[str] = frozenset()

    def scales(self) -> dict[str, Scales]:
        """Return what the errors of each output are divided by."""
        return {
            name: Scales.of(
                values, comparable=self.scores[name].comparable, time_axis=name in self.timed
            )
            for name, values in self.expected.items()
        }


def verify(
    files: Mapping[Form, Path], reference: Reference, tolerances: Tolerances
) -> tuple[tuple[FormReport, ...], float | None]:
    """Measure each file, and how often portable and fused choose the same label.

    Args:
        files: The written file of each form.
        reference: Samples, and what Keras makes of them.
        tolerances: Their relative error says what is a near tie.

    Raises:
        VerificationError: a file has other outputs than the model.
    """
    results: dict[Form, Samples] = {}
    count = len(next(iter(reference.samples.values())))
    with progress("Verifying", len(files) * count) as bar:
        for form, path in files.items():
            results[form] = _run(form, path, reference, bar.advance)
    reports = []
    for form, path in files.items():
        found = results[form]
        report = _compare(form, path, found, reference, tolerances)
        whole = results.get(Form(form.fused, streaming=False))
        if form.streaming and whole is not None:
            equal = all(_same_end(found[name], whole[name]) for name in found)
            report = replace(report, equals_whole=equal)
        reports.append(report)
    return tuple(reports), _forms_agreement(results, reference, tolerances)


def measure(
    form: Form,
    path: Path,
    reference: Reference,
    tolerances: Tolerances,
    advance: Callable[..., None],
) -> FormReport:
    """Return how far one form is from Keras."""
    found = _run(form, path, reference, advance)
    return _compare(form, path, found, reference, tolerances)


def problems_of(
    reports: Sequence[FormReport], tolerances: Tolerances, exact_streams: bool
) -> list[Problem]:
    """Return what is beyond the tolerances, form by form.

    Args:
        reports: What `verify` measured.
        tolerances: What to accept.
        exact_streams: Whether a stream must have the bits of the whole sequence. It does where
            activations are integers; float kernels may add in another order, and kernels that
            quantize on the fly choose their scales from other numbers.
    """
    found: list[Problem] = []
    for report in reports:
        for output in report.outputs:
            found += _problems_of_output(report, output, tolerances)
        if exact_streams and report.equals_whole is False:
            what = "its scores differ from the whole-sequence form's"
            found.append(Problem(report.name, what, {}))
    return found


def stream_sample(streamer: Streamer, sample: Samples) -> Samples:
    """Streams one sample from a fresh state: all scores of outputs with a time axis, else the last.

    Time steps that do not fill a call are left out.
    """
    streamer.reset()
    entries = {entry["name"]: entry for entry in streamer.card["inputs"]}
    length = max(len(v) for name, v in sample.items() if entries[name]["time_axis"])
    chunk = streamer.chunk
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, length - chunk + 1, chunk):
        frames = {
            name: _cut(value, start, chunk) if entries[name]["time_axis"] else value
            for name, value in sample.items()
        }
        for name, value in _named(streamer.card, streamer.process(frames)).items():
            found.setdefault(name, []).append(value)
    result = {}
    for entry in streamer.card["outputs"]:
        values = found[entry["name"]]
        if not entry["time_axis"]:
            result[entry["name"]] = values[-1]
        else:
            # A single time step a call has no axis of its own.
            single = values[0].ndim == len(entry["shape"]) - 2
            result[entry["name"]] = np.stack(values) if single else np.concatenate(values)
    return result


def _run(form: Form, path: Path, reference: Reference, advance: Callable[..., None]) -> Samples:
    samples, expected = reference.samples, reference.expected
    count = len(next(iter(samples.values())))
    results: dict[str, list[np.ndarray]] = {name: [] for name in expected}
    runner: Any = Streamer(path) if form.streaming else Interpreter(path)
    for i in range(count):
        sample = {name: values[i] for name, values in samples.items()}
        found = stream_sample(runner, sample) if form.streaming else _whole(runner, sample)
        if not i:
            check_outputs(path, runner.card, found, {n: v[0] for n, v in expected.items()})
        for name, values in found.items():
            results[name].append(values)
        advance()
    return {name: np.stack(values) for name, values in results.items()}


def _whole(interpreter: Interpreter, sample: Samples) -> Samples:
    interpreter.set_input(sample)
    interpreter.invoke()
    return _named(interpreter.card, interpreter.output())


def _named(card: dict[str, Any], values: Any) -> Samples:
    return values if isinstance(values, dict) else {card["outputs"][0]["name"]: values}


def _cut(value: np.ndarray, start: int, chunk: int) -> np.ndarray:
    part: np.ndarray = value[start] if chunk == 1 else value[start : start + chunk]
    return part


def _same_end(stream: np.ndarray, whole: np.ndarray) -> bool:
    """Equal bits, for as many time steps as the stream has."""
    return bool(np.array_equal(stream, _as_long(whole, stream)))


def _as_long(values: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Values at as many time steps as a stream gave; `check_outputs` has compared the rest."""
    return values if values.shape == found.shape else values[:, : found.shape[1]]


def _compare(
    form: Form, path: Path, found: Samples, reference: Reference, tolerances: Tolerances
) -> FormReport:
    scales = reference.scales()
    outputs = tuple(
        _compare_output(
            name, found[name], expected, reference.scores[name], scales[name], tolerances
        )
        for name, expected in reference.expected.items()
    )
    deciding = [output for output in outputs if output.agreement is not None]
    least = min(deciding, key=lambda output: output.agreement or 0.0) if deciding else None
    worst = max(
        outputs,
        key=lambda output: tolerances.exhausted(output.relative_error, output.channel_error),
    )
    return FormReport(
        name=form.name,
        path=str(path),
        bytes=path.stat().st_size,
        agreement=None if least is None else least.agreement,
        mean_error=worst.mean_error,
        max_error=worst.max_error,
        relative_error=worst.relative_error,
        channel_error=worst.channel_error,
        outputs=outputs,
        decisions=0 if least is None else least.decisions,
        disagreements=0 if least is None else least.disagreements,
    )


def _compare_output(
    name: str,
    found: np.ndarray,
    expected: np.ndarray,
    scores: Scores,
    scales: Scales,
    tolerances: Tolerances,
) -> OutputReport:
    expected = _as_long(expected, found)
    absolute = np.abs(found.astype(np.float64) - expected)
    errors = relative_errors(found, expected, scales)
    decisions = None
    if are_decisions(expected):
        decisions = compare_booleans(found, expected)
    elif scores.may_choose and can_choose(expected) and not scales.constant:
        decisions = compare_decisions(found, expected, _margin(tolerances, scales))
    return OutputReport(
        name=name,
        agreement=None if decisions is None else decisions.agreement,
        mean_error=float(absolute.mean()),
        max_error=float(absolute.max()),
        relative_error=errors.overall,
        channel_error=errors.channel,
        constant=scales.constant,
        boolean=are_decisions(expected),
        channel_errors=errors.channels,
        decisions=0 if decisions is None else decisions.count,
        disagreements=0 if decisions is None else decisions.disagreements,
    )


def _margin(tolerances: Tolerances, scales: Scales) -> float:
    return margin(tolerances.relative_error, scales.spread)


def _problems_of_output(
    report: FormReport, output: OutputReport, tolerances: Tolerances
) -> list[Problem]:
    found = []
    if output.agreement is not None:
        decisions = Decisions(output.decisions, output.disagreements)
        if decisions.refused_by(tolerances.agreement):
            what = (
                f"agreement {output.agreement:.4f} < {tolerances.agreement:g} "
                f"({output.disagreements} of {output.decisions} decisions are others)"
            )
            accepted = {"agreement": decisions.least_accepted()}
            found.append(Problem(report.name, what, accepted, output.name))
    relative = ""
    if output.constant:
        relative = (
            f" (output {output.name!r} of Keras is constant on the samples, so the error is "
            "relative to its value)"
        )
    if not output.relative_error <= tolerances.relative_error:
        bound = tolerances.relative_error
        what = f"relative error {output.relative_error:.4f} > {bound:g}{relative}"
        accepted = {"relative_error": tolerances.accepting(output.relative_error)}
        found.append(Problem(report.name, what, accepted, output.name))
    # A boolean channel that is stuck is wrong as often as the other value occurs, not in all of
    # its entries, so that its bound cannot be wider.
    bound = tolerances.relative_error if output.boolean else tolerances.channel_error
    if len(output.channel_errors) > 1 and not output.channel_error <= bound:
        looser = tolerances.accepting if output.boolean else tolerances.accepting_channel
        what = f"relative error {output.channel_error:.4f} > {bound:g}{relative}"
        accepted = {"relative_error": looser(output.channel_error)}
        channel = worst_channel(output.channel_errors)
        found.append(Problem(report.name, what, accepted, output.name, channel))
    return found


def _forms_agreement(
    results: Mapping[Form, Samples], reference: Reference, tolerances: Tolerances
) -> float | None:
    scales = reference.scales()
    for streaming in (False, True):
        portable, fused = (results.get(Form(fused, streaming)) for fused in (False, True))
        if portable is None or fused is None:
            continue
        shares = []
        for name, expected in reference.expected.items():
            if are_decisions(expected):
                shares.append(compare_booleans(fused[name], portable[name]).agreement)
                continue
            if not (reference.scores[name].may_choose and can_choose(expected)):
                continue
            if scales[name].constant:
                continue
            keras = _as_long(expected, portable[name])
            allowed = _margin(tolerances, scales[name])
            shares.append(compare_decisions(portable[name], keras, allowed, fused[name]).agreement)
        return min(shares) if shares else None
    return None
