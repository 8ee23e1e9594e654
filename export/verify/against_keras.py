"""Runs every written form on held-out samples and compares it with Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfpipeline.export.options import Form
from tfpipeline.export.samples.signature import Samples
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.verify.agreement import (
    can_choose,
    compare_booleans,
    compare_decisions,
    margin,
)
from tfpipeline.export.verify.form_report import FormReport, OutputReport
from tfpipeline.export.verify.relative_error import (
    Scales,
    are_decisions,
    relative_errors,
)
from tfpipeline.export.verify.run_file import run_file
from tfpipeline.export.verify.score_kinds import Scores
from tfpipeline.inspection.micro_arena import arena_in_micro
from tfpipeline.progress import progress


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
            results[form] = run_file(form, path, reference.samples, reference.expected, bar.advance)
    reports = []
    for form, path in files.items():
        found = results[form]
        report = compare(form.name, path, path.stat().st_size, found, reference, tolerances)
        whole = results.get(Form(form.fused, streaming=False))
        if form.streaming and whole is not None:
            equal = all(_same_end(found[name], whole[name]) for name in found)
            report = replace(report, equals_whole=equal)
        if form.streaming and not form.fused:
            report = replace(report, micro_arena_bytes=arena_in_micro(path))
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
    found = run_file(form, path, reference.samples, reference.expected, advance)
    return compare(form.name, path, path.stat().st_size, found, reference, tolerances)


def _same_end(stream: np.ndarray, whole: np.ndarray) -> bool:
    """Equal bits, for as many time steps as the stream has."""
    return bool(np.array_equal(stream, _as_long(whole, stream)))


def _as_long(values: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Values at as many time steps as a stream gave; `check_outputs` has compared the rest."""
    return values if values.shape == found.shape else values[:, : found.shape[1]]


def compare(
    form: str,
    path: Path,
    size: int,
    found: Samples,
    reference: Reference,
    tolerances: Tolerances,
) -> FormReport:
    """Return how far the outputs `found` of a file of `size` bytes are from Keras."""
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
        name=form,
        path=str(path),
        bytes=size,
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
