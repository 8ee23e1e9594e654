"""Runs every written form on held-out samples and compares it with Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfpipeline.export.errors import VerificationError
from tfpipeline.export.lower import Form
from tfpipeline.export.report import FormReport
from tfpipeline.progress import progress
from tfpipeline.runtime import Interpreter, Streamer


@dataclass(frozen=True)
class Tolerances:
    """How far an exported form may be from Keras on the verification samples.

    Args:
        agreement: Smallest share of samples with the same best label.
        relative_error: Largest root mean square error of the scores over the standard deviation
            of Keras' scores.
    """

    agreement: float = 0.97
    relative_error: float = 0.15


def verify(
    files: dict[Form, Path], samples: np.ndarray, expected: np.ndarray, tolerances: Tolerances
) -> tuple[tuple[FormReport, ...], float | None]:
    """Returns a report for each file, and how often portable and fused choose the same label.

    Args:
        files: The written file of each form.
        samples: `(samples, time, features)`.
        expected: Keras' scores `(samples, labels)` or `(samples, time, labels)`.
        tolerances: What to accept.

    Raises:
        VerificationError: a form is further from Keras than `tolerances` allow, or streaming
            differs from the whole sequence in a single bit.
    """
    results: dict[Form, np.ndarray] = {}
    with progress("Verifying", len(files) * len(samples)) as bar:
        for form, path in files.items():
            results[form] = _run(form, path, samples, expected.ndim == 3, bar.advance)
    reports = []
    for form, path in files.items():
        found = results[form]
        report = _compare(form, path, found, expected)
        whole = results.get(Form(form.fused, streaming=False))
        if form.streaming and whole is not None:
            report = replace(report, equals_whole=bool(np.array_equal(found, whole)))
        reports.append(report)
    for report in reports:
        _check(report, tolerances)
    return tuple(reports), _forms_agreement(results)


def _run(
    form: Form, path: Path, samples: np.ndarray, sequences: bool, advance: Callable[..., None]
) -> np.ndarray:
    results = []
    if form.streaming:
        streamer = Streamer(path)
        for sample in samples:
            streamer.reset()
            scores = [streamer.process(frame) for frame in sample]
            results.append(np.stack(scores) if sequences else scores[-1])
            advance()
    else:
        interpreter = Interpreter(path)
        for sample in samples:
            results.append(interpreter.predict(sample[None])[0])
            advance()
    return np.stack(results)


def _best(scores: np.ndarray) -> np.ndarray:
    return scores.argmax(axis=-1)


def _compare(form: Form, path: Path, found: np.ndarray, expected: np.ndarray) -> FormReport:
    error = found.astype(np.float64) - expected
    spread = float(expected.std()) or 1.0
    return FormReport(
        name=form.name,
        path=str(path),
        bytes=path.stat().st_size,
        agreement=(
            float((_best(found) == _best(expected)).mean()) if expected.shape[-1] > 1 else None
        ),
        mean_error=float(np.abs(error).mean()),
        max_error=float(np.abs(error).max()),
        relative_error=float(np.sqrt((error**2).mean())) / spread,
    )


def _check(report: FormReport, tolerances: Tolerances) -> None:
    problems = []
    if report.agreement is not None and report.agreement < tolerances.agreement:
        problems.append(f"agreement {report.agreement:.4f} < {tolerances.agreement}")
    if not report.relative_error <= tolerances.relative_error:
        problems.append(f"relative error {report.relative_error:.4f} > {tolerances.relative_error}")
    if report.equals_whole is False:
        problems.append("its scores differ from the whole-sequence form's")
    if problems:
        raise VerificationError(
            f"the {report.name} form disagrees with the model: {'; '.join(problems)}. Nothing was "
            "written; calibrate with more typical samples, or pass tolerances=Tolerances(...) if "
            "this is acceptable"
        )


def _forms_agreement(results: dict[Form, np.ndarray]) -> float | None:
    for streaming in (False, True):
        pair = [results.get(Form(fused, streaming)) for fused in (False, True)]
        if pair[0] is not None and pair[1] is not None and pair[0].shape[-1] > 1:
            return float((_best(pair[0]) == _best(pair[1])).mean())
    return None
