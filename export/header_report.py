"""What a C header computes, what it takes of the device, and how well it agrees with Keras."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from tfpipeline.export.verify.drift import Drift
from tfpipeline.export.verify.form_report import DetectorReport, FormReport, forms_table


@dataclass(frozen=True)
class CHeaderReport:
    """The result of `tfpipeline.export.write_c_header`.

    Args:
        form: the integers against Keras on the verification samples; its bytes are those of the
            tables.
        report_path: where this report lies as JSON.
        name: prefix of all names in the header.
        layer: name, cell, units, features and ranks of the recurrent layer, and how many of its
            weights are not 0.
        x_bits, state_bits: bits of fraction of inputs and states.
        raw_bits: those of raw features, in front of a Normalization; None without one.
        table_bytes: flash for weights; the code comes on top.
        state_bytes: RAM that the program keeps from step to step.
        stack_bytes: arrays of a step on the stack.
        streaming: whether states run on beyond the length of a sample.
        drift: the error late in a stream of ten samples; None for samples that are too short.
        detector: what the detector finds; None without one.
        calibration: number of samples and where they came from.
        verification: the same, and the tolerances they were held against.
        versions: tools and their versions.
    """

    form: FormReport
    report_path: str
    name: str
    layer: dict[str, Any]
    x_bits: int
    state_bits: int
    raw_bits: int | None
    table_bytes: int
    state_bytes: int
    stack_bytes: int
    streaming: bool
    drift: Drift | None
    detector: DetectorReport | None
    calibration: dict[str, Any]
    verification: dict[str, Any]
    versions: dict[str, str]

    @property
    def agreement(self) -> float | None:
        """Share of decisions that are Keras', near ties aside."""
        return self.form.agreement

    @property
    def max_error(self) -> float:
        """Largest difference of an output from Keras'."""
        return self.form.max_error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def __str__(self) -> str:
        lines = [
            forms_table([self.form]),
            f"{self.verification['samples']} verification samples; bounds: agreement "
            f"{self.verification['tolerances']['agreement']:g}, relative error "
            f"{self.verification['tolerances']['relative_error']:g}",
            f"flash: {self.table_bytes} bytes of tables, and code; RAM: {self.state_bytes} bytes "
            f"of state, and {self.stack_bytes} of the stack in a step",
        ]
        if self.drift is not None:
            lines.append(
                f"stream: error {self.drift.output_last:.4f} late in {self.drift.frames} time "
                f"steps, {self.drift.output_fresh:.4f} there from fresh states"
            )
        if self.detector is not None:
            lines.append(
                f"detector: {self.detector.header} words found, {self.detector.same} of them as in "
                f"the {self.detector.model} of the Keras model"
            )
        return "\n".join(lines)
