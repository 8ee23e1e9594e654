"""What an export did and how well each file agrees with Keras."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class OutputReport:
    """One output of an exported file against Keras on the verification samples.

    Args:
        name: Of the output.
        agreement: Share of samples with the same best label; None for a single value.
        mean_error: Mean absolute difference.
        max_error: Largest absolute difference.
        relative_error: Root mean square difference over the standard deviation of Keras' values.
    """

    name: str
    agreement: float | None
    mean_error: float
    max_error: float
    relative_error: float


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
        kept_float: By layer, ops that stay in float32 for want of a kernel in its integer mode.
        calibration: Number of samples and SHA-256 of the calibration data.
        verification: Samples, where they came from, and the tolerances they passed.
        forms_agreement: Share of samples with the same best label in the portable and the fused
            form; None where one is missing.
        versions: Tools and their versions.
        seconds: Wall time by step.
    """

    forms: tuple[FormReport, ...]
    report_path: str
    quantize: str
    overrides: dict[str, str]
    layers: tuple[dict[str, Any], ...]
    kept_float: dict[str, list[str]]
    calibration: dict[str, Any]
    verification: dict[str, Any]
    forms_agreement: float | None
    versions: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)

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
        return "\n".join(lines)
