"""What an export did and how well each file agrees with Keras."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tfpipeline.export.choose.clipping_search import ChoicesReport
from tfpipeline.export.emit.fused_weights import StoredZeros
from tfpipeline.export.samples.sets import GIVEN, HELD_BACK, SHARED
from tfpipeline.export.verify.drift import Drift
from tfpipeline.export.verify.form_report import FormReport, forms_table
from tfpipeline.export.verify.layer_errors import LayerError
from tfpipeline.export.verify.runtimes import RuntimeReport
from tfpipeline.export.verify.short_sequences import LengthsReport


@dataclass(frozen=True)
class ExportReport:
    """The result of `tfpipeline.export.export`.

    Args:
        forms: One entry a file.
        report_path: Where this report lies as JSON.
        quantize: The mode of the model.
        overrides: Modes of single layers.
        float_layers: By layer whose mode the export made float32 itself, why: the units of what it
            reads, or a channel of what it puts out, have no integer scale in common with the rest.
        layers: Per recurrent layer: name, units, ranks, bytes of its int8 weights.
        kept_float: By layer, ops that stay in float32 for want of a kernel in its integer mode.
        layer_errors: Where error enters: the portable form layer by layer.
        drift: By streaming form, its error at the beginning and the end of a long stream.
        runtimes: By whole-sequence form, what other installed runtimes make of it.
        calibration: Number of samples and SHA-256 of the calibration data.
        verification: Samples, where they came from, and the tolerances they were held against.
        forms_agreement: Share of decisions that are the same in the portable and the fused form,
            near ties aside; None where one is missing.
        choices: With `clipping="compare"`, how every choice did; None otherwise.
        lengths: By whole-sequence form with a bounded length, how it does on shorter sequences.
        zeros: By name, weights of the fused form with many zeros: how they are stored, and why.
        wide_layers: By recurrent layer whose weights have 8 bits though its mode has 2, why.
        plane_layers: By recurrent layer, which of its kernels are stored as sums of binary planes.
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
    float_layers: dict[str, str] = field(default_factory=dict)
    zeros: dict[str, StoredZeros] = field(default_factory=dict)
    wide_layers: dict[str, str] = field(default_factory=dict)
    plane_layers: dict[str, str] = field(default_factory=dict)

    def form(self, name: str) -> FormReport | None:
        """Return the entry called `name`, or None when that form was not written."""
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
        lines = [forms_table(self.forms), self._samples_line()]
        if self.kept_float:
            kept = (f"{layer} ({', '.join(codes)})" for layer, codes in self.kept_float.items())
            lines.append(f"computed in float32 for want of integer kernels: {'; '.join(kept)}")
        for layer, reason in self.float_layers.items():
            lines.append(f"kept in float32: layer {layer!r}: {reason}")
        for layer, reason in self.wide_layers.items():
            lines.append(f"weights of 8 bits: layer {layer!r}: {reason}")
        for layer, kernels in self.plane_layers.items():
            lines.append(f"weights of 2 bits: layer {layer!r}: {kernels}")
        for form in self.forms:
            if form.micro_arena_bytes is not None:
                arena = f"an arena of {form.micro_arena_bytes:,} bytes is enough"
                lines.append(f"{form.name} runs in TFLite-Micro, where {arena}")
        lines += [f"fused form, {name}: {stored}" for name, stored in self.zeros.items()]
        if self.choices is not None:
            lines += ["", str(self.choices)]
        return "\n".join([*lines, "", *self._layer_lines(), *self._drift_lines()])

    def tables(self) -> str:
        """Return what a refused export shows: every form, and where error enters."""
        return "\n".join([forms_table(self.forms), "", *self._layer_lines()])

    def _samples_line(self) -> str:
        verification = self.verification
        count, bounds = verification["samples"], verification["tolerances"]
        where = {
            GIVEN: "",
            HELD_BACK: ", held back from the calibration",
            SHARED: ", the calibration's own: no bound was tried on others",
        }[verification["samples_are"]]
        return (
            f"{count} verification samples{where}; bounds: agreement {bounds['agreement']:g}, "
            f"relative error {bounds['relative_error']:g}, of a single channel "
            f"{bounds['channel_error']:g}"
        )

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
            f"{name}: error {drift.output_last:.4f} late in {drift.frames} time steps, "
            f"{drift.output_fresh:.4f} there from fresh states"
            for name, drift in self.drift.items()
        ]
