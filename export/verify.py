"""Runs every written form on held-out samples and compares it with Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.export.errors import VerificationError
from tfpipeline.export.forms import Form
from tfpipeline.export.modes import FLOAT32, Mode
from tfpipeline.export.report import FormReport, OutputReport
from tfpipeline.export.signature import Samples
from tfpipeline.export.spread import is_constant, is_decision, relative_error
from tfpipeline.progress import progress
from tfpipeline.runtime import Interpreter, Streamer


@dataclass(frozen=True)
class Tolerances:
    """How far an exported form may be from Keras on the verification samples.

    Args:
        agreement: Smallest share of samples with the same best label, over all outputs.
        relative_error: Largest root mean square error of an output over the standard deviation of
            Keras' values.
        drift: How many times larger a past of ten training lengths may make the error of a stream's
            outputs, where it ends above a third of `relative_error`, or of its states, where it
            ends above `relative_error`.
    """

    agreement: float = 0.97
    relative_error: float = 0.15
    drift: float = 2.0

    @classmethod
    def for_mode(cls, modes: Iterable[Mode]) -> Tolerances:
        """What is usual for the coarsest of the formats that a model uses."""
        usual = [_usual(mode) for mode in modes]
        return cls(min(one.agreement for one in usual), max(one.relative_error for one in usual))


def _usual(mode: Mode) -> Tolerances:
    """What a sound file of one format keeps to.

    The bounds leave room above the worst of the models in docs/export_support.md, which are small
    and so more sensitive to rounding than trained ones. A file that gives the mean of the scores
    whatever the input has an error of 1, one that has nothing to do with the model 1.4.
    """
    if mode.weight_bits == 4:
        # Measured 0.54 and 0.89; a trained keyword model has 0.14 and 0.97.
        return Tolerances(agreement=0.75, relative_error=0.7)
    if mode.weight_bits == 2:
        # Measured 0.17 and 0.81: weights of two bits are exact, but ternary models react strongly
        # to rounded activations.
        return Tolerances(agreement=0.65, relative_error=0.35)
    if mode.activations != FLOAT32 or mode.integer_weights:
        # Measured 0.094 and 0.98.
        return Tolerances()
    if mode.weights == "float16":
        # Measured 0.0018 and 1.
        return Tolerances(agreement=0.99, relative_error=0.01)
    # Measured 6e-7 and 1: only the order of additions differs.
    return Tolerances(agreement=0.99, relative_error=0.001)


def verify(
    files: dict[Form, Path],
    samples: Samples,
    expected: Samples,
    tolerances: Tolerances,
    exact_streams: bool = True,
) -> tuple[tuple[FormReport, ...], float | None]:
    """Returns a report for each file, and how often portable and fused choose the same label.

    Args:
        files: The written file of each form.
        samples: Model inputs by name.
        expected: Keras' outputs by name.
        tolerances: What to accept.
        exact_streams: Whether a stream must have the bits of the whole sequence. It does where
            activations are integers; float kernels may add in another order, and kernels that
            quantize on the fly choose their scales from other numbers.

    Raises:
        VerificationError: a form is further from Keras than `tolerances` allow, streaming
            differs from the whole sequence in a single bit, or no sample says anything.
    """
    _check_samples(expected, tolerances)
    results: dict[Form, Samples] = {}
    count = len(next(iter(samples.values())))
    with progress("Verifying", len(files) * count) as bar:
        for form, path in files.items():
            results[form] = _run(form, path, samples, expected, bar.advance)
    reports = []
    for form, path in files.items():
        found = results[form]
        report = _compare(form, path, found, expected)
        whole = results.get(Form(form.fused, streaming=False))
        if form.streaming and whole is not None:
            equal = all(_same_end(found[name], whole[name]) for name in found)
            report = replace(report, equals_whole=equal)
        reports.append(report)
    for report in reports:
        _check(report, tolerances, exact_streams)
    return tuple(reports), _forms_agreement(results)


def measure(
    form: Form, path: Path, samples: Samples, expected: Samples, advance: Callable[..., None]
) -> FormReport:
    """How far one form is from `expected`, without a judgement."""
    return _compare(form, path, _run(form, path, samples, expected, advance), expected)


def _run(
    form: Form, path: Path, samples: Samples, expected: Samples, advance: Callable[..., None]
) -> Samples:
    count = len(next(iter(samples.values())))
    results: dict[str, list[np.ndarray]] = {name: [] for name in expected}
    runner: Any = Streamer(path) if form.streaming else Interpreter(path)
    for i in range(count):
        sample = {name: values[i] for name, values in samples.items()}
        found = stream_sample(runner, sample) if form.streaming else _whole(runner, sample)
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


def _cut(value: np.ndarray, start: int, chunk: int) -> np.ndarray:
    part: np.ndarray = value[start] if chunk == 1 else value[start : start + chunk]
    return part


def _same_end(stream: np.ndarray, whole: np.ndarray) -> bool:
    """Equal bits, for as many time steps as the stream has."""
    if stream.shape != whole.shape:
        whole = whole[:, : stream.shape[1]]
    return bool(np.array_equal(stream, whole))


def _best(scores: np.ndarray) -> np.ndarray:
    return scores.argmax(axis=-1)


def _compare(form: Form, path: Path, found: Samples, expected: Samples) -> FormReport:
    outputs = tuple(_compare_output(name, found[name], expected[name]) for name in expected)
    agreements = [output.agreement for output in outputs if output.agreement is not None]
    worst = max(outputs, key=lambda output: output.relative_error)
    return FormReport(
        name=form.name,
        path=str(path),
        bytes=path.stat().st_size,
        agreement=min(agreements) if agreements else None,
        mean_error=worst.mean_error,
        max_error=worst.max_error,
        relative_error=worst.relative_error,
        outputs=outputs,
    )


def _compare_output(name: str, found: np.ndarray, expected: np.ndarray) -> OutputReport:
    if found.shape != expected.shape:
        expected = expected[:, : found.shape[1]]
    if is_decision(expected):
        return _compare_decisions(name, found, expected)
    error = found.astype(np.float64) - expected
    constant = is_constant(expected)
    several = expected.ndim > 1 and expected.shape[-1] > 1 and not constant
    return OutputReport(
        name=name,
        agreement=float((_best(found) == _best(expected)).mean()) if several else None,
        mean_error=float(np.abs(error).mean()),
        max_error=float(np.abs(error).max()),
        relative_error=relative_error(found, expected),
        constant=constant,
    )


def _compare_decisions(name: str, found: np.ndarray, expected: np.ndarray) -> OutputReport:
    """Decisions agree or do not: every error is the share of those that differ."""
    wrong = relative_error(found, expected)
    return OutputReport(
        name=name,
        agreement=1.0 - wrong,
        mean_error=wrong,
        max_error=float(wrong > 0.0),
        relative_error=wrong,
        constant=is_constant(expected),
    )


def _check_samples(expected: Samples, tolerances: Tolerances) -> None:
    """Refuses samples on which a file that ignores its input would look right."""
    if tolerances.relative_error < 1.0 and all(map(is_constant, expected.values())):
        values = ", ".join(f"{name!r} is {value.flat[0]:.6g}" for name, value in expected.items())
        raise VerificationError(
            "the files cannot be judged, because on all verification samples the model puts out "
            f"the same values ({values}): expected samples on which they differ, so pass others, "
            "and look whether the model is trained"
        )


def _check(report: FormReport, tolerances: Tolerances, exact_streams: bool) -> None:
    problems, exceeded = [], []
    if report.agreement is not None and report.agreement < tolerances.agreement:
        problems.append(f"agreement {report.agreement:.4f} < {tolerances.agreement}")
        exceeded.append("agreement")
    if not report.relative_error <= tolerances.relative_error:
        problems.append(
            f"relative error {report.relative_error:.4f} > {tolerances.relative_error}"
            + "".join(
                f" (output {output.name!r} of Keras is constant on the samples, so the error is "
                "relative to its value)"
                for output in report.outputs
                if output.constant and output.relative_error == report.relative_error
            )
        )
        exceeded.append("relative_error")
    if exact_streams and report.equals_whole is False:
        problems.append("its scores differ from the whole-sequence form's")
        exceeded.clear()  # which no tolerance allows
    if problems:
        raise VerificationError(
            f"the {report.name} form disagrees with the model: {'; '.join(problems)}. Nothing was "
            "written; calibrate with more typical samples",
            tuple(exceeded),
        )


def _forms_agreement(results: dict[Form, Samples]) -> float | None:
    for streaming in (False, True):
        pair = [results.get(Form(fused, streaming)) for fused in (False, True)]
        if pair[0] is not None and pair[1] is not None:
            shares = [
                float((a == b).mean() if is_decision(a) else (_best(a) == _best(b)).mean())
                for a, b in zip(pair[0].values(), pair[1].values(), strict=True)
                if is_decision(a) or (a.ndim > 1 and a.shape[-1] > 1)
            ]
            return min(shares) if shares else None
    return None
