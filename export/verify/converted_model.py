"""A model from which verification writes files of its own, in other modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tfpipeline.export.convert.float_graphs import Converted
from tfpipeline.export.lower.scales import QuantizationTable
from tfpipeline.export.modes import ModeTable
from tfpipeline.export.options import ExportOptions, Form
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.verify.score_kinds import Scores
from tfpipeline.export.write.model_file import Written
from tfpipeline.export.write.write_file import write_file

_MOST_SAMPLES = 32
"""Enough to tell layers apart."""


@dataclass(frozen=True)
class ConvertedModel:
    """A converted and calibrated model, from which files can be written to measure with.

    Args:
        signature: Names of its inputs and outputs.
        converted: Its float graphs.
        table: Scales and quantized layers.
        options: Of the export.
        held_out: Inputs to try it on.
        scores: What the entries of each output are.
    """

    signature: ModelSignature
    converted: Converted
    table: QuantizationTable
    options: ExportOptions
    held_out: Samples
    scores: Mapping[str, Scores]

    def few(self) -> Samples:
        """Return the first held-out inputs, where all of them would take too long."""
        return {name: values[:_MOST_SAMPLES] for name, values in self.held_out.items()}

    def write(self, form: Form, modes: ModeTable, *, correct_bias: bool = False) -> Written:
        """Write the model in other modes, with float inputs and outputs."""
        options = self.options.for_trial(modes, correct_bias)
        card = {"labels": None}
        return write_file(self.signature, self.converted, self.table, (form,), options, card)
