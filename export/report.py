"""What an export did and how well each file agrees with Keras."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tfpipeline.export.across_runtimes import RuntimeReport
from tfpipeline.export.choice_report import ChoicesReport
from tfpipeline.export.drift import Drift
from tfpipeline.export.layer_errors import LayerError
from tfpipeline.export.length_report import LengthsReport


@dataclass(frozen=True)
class OutputReport:
    """One output of an exported file against Keras on the verification samples.

    Args:
        name: Of the output.
        agreement: Share of samples with the same best label; None for a single value.
        mean_error: Mean absolute difference.
        max_error: Largest absolute difference.
        relative_error: Root mean square difference over the standard deviation of Keras' values;
            over their size where they are constant.
        constant: Whether Keras' values are all the same.
    """

    name: str
    agreement: float | None
    mean_error: float
    max_error: float
    relative_error: float
    constant: bool = False


@dataclass(frozen=True)
class FormReport:
    """One exported file against Keras on the verification samples.

    Args:
        name: "portable", "fused", "stream portable" or "stream fused".
        path: The file.
        bytes: Its size.
        agreement: Share of samples with the same best label as Keras; None for a single output.
        mean_error: Mean absolute difference of the scores.
        max_error: Largest absolute difference of the scores.
        relative_error: Root mean square difference over the standard deviation of Keras' scores.
        outputs: The same for each output; the errors above are those of the worst one.
        equals_whole: For a streaming form, whether its last scores equal the whole-sequence
            form's bit for bit; None where there is nothing to compare.
    """

    name: str
    path: str
    bytes: int
    agreement: float | None
    mean_error: float
    max_error: float
    relative_error: float
    outputs: tuple[OutputReport, ...] = ()
    equals_whole: bool | None = None


@dataclass(frozen=True)
class ExportReport:
    """The result of `tfpipeline.export.export`.

    Args:
        forms: One entry a file.
        report_path: Where this report lies as JSON.
        quantize: The mode of the model.
        overrides: Modes of single layers.
        layers: Per recurrent layer: name, units, ranks, bytes of its int8 weights.
        kept_float: By layer, ops that stay in float32 for want of a kernel in its integer mode, or
            why all of the layer does.
        layer_errors: Where error enters: the portable form layer by layer.
        drift: By streaming form, its error at the beginning and the end of a long stream.
        runtimes: By whole-sequence form, what other installed runtimes make of it.
        calibration: Number of samples and SHA-256 of the calibration data.
        verification: Samples, where they came from, and the tolerances they passed.
        forms_agreement: Share of samples with the same best label in the portable and the fused
            form; None where one is missing.
        choices: With `clipping="compare"`, how every choice did; None otherwise.
        lengths: By whole-sequence form with a bounded length, how it does on shorter sequences.
        versions: Tools and their versions.
        seconds: Wall time by step.
    """

    forms: tuple[FormReport, ...]
    report_path: str
    quantize: str
    overrides: dict[str, str]
    layers: tuple[dict[str, Any], ...]
    kept_float: dict[str, list[str]]
    layer_errors: tuple[LayerError, ...]
    drift: dict[str, Drift]
    runtimes: dict[str, tuple[RuntimeReport, ...]]
    calibration: dict[str, Any]
    verification: dict[str, Any]
    forms_agreement: float | None
    versions: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    lengths: dict[str, LengthsReport] = field(default_factory=dict)
    choices: ChoicesReport | None = None

    def form(self, name: str) -> FormReport | None:
        """The entry called `name`, or None when that form was not written."""
        return next((form for form in self.forms if form.name == name), None)

    def _path(self, name: str) -> Path | None:
        form = self.form(name)
        return None if form is None else Path(form.path)

    @property
    def portable(self) -> Path | None:
        return self._path("portable")

    @property
    def fused(self) -> Path | None:
        return self._path("fused")

    @property
    def stream_portable(self) -> Path | None:
        return self._path("stream portable")

    @property
    def stream_fused(self) -> Path | None:
        return self._path("stream fused")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def __str__(self) -> str:
        lines = [f"{'form':<16} {'bytes':>9} {'agreement':>10} {'mean error':>11} {'max':>8}  file"]
        for form in self.forms:
            agreement = "" if form.agreement is None else f"{100 * form.agreement:.2f} %"
            lines.append(
                f"{form.name:<16} {form.bytes:>9} {agreement:>10} {form.mean_error:>11.4f} "
                f"{form.max_error:>8.3f}  {form.path}"
            )
        if self.kept_float:
            kept = (f"{layer} ({', '.join(codes)})" for layer, codes in self.kept_float.items())
            lines.append(
                f"computed in float32 for want of integer kernels or of one unit: {'; '.join(kept)}"
            )
        if self.choices is not None:
            lines += ["", str(self.choices)]
        return "\n".join([*lines, "", *self._layer_lines(), *self._drift_lines()])

    def _layer_lines(self) -> list[str]:
        width = max([len("layer"), *(len(error.layer) for error in self.layer_errors)])
        alone = any(error.alone is not None for error in self.layer_errors)
        title = "rounded alone" if alone else ""
        lines = [f"{'layer':<{width}} {'error so far':>13} {title:>14}".rstrip()]
        for error in self.layer_errors:
            cost = "" if error.alone is None else f"{error.alone:.4f}"
            row = f"{error.layer:<{width}} {error.relative_error:>13.4f} {cost:>14}"
            lines.append(row.rstrip())
        return lines

    def _drift_lines(self) -> list[str]:
        return [
            f"{name}: error {drift.output_last:.4f} in the last {drift.window} of {drift.frames} "
            f"time steps, {drift.output_fresh:.4f} there from fresh states"
            for name, drift in self.drift.items()
        ]
