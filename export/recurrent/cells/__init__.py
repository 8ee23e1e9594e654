"""The one table of recurrent cells: a new cell is a new row, and the files that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tfpipeline.export.recurrent.cells.gru import GruStep
from tfpipeline.export.recurrent.cells.lstm import LstmStep
from tfpipeline.export.recurrent.gru_plan import gru_float_output, plan_gru
from tfpipeline.export.recurrent.lstm_plan import lstm_float_output, plan_lstm
from tfpipeline.export.recurrent.portable import PortableStep
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.protocol import RecurrentStep


@dataclass(frozen=True)
class Cell:
    """What export does with one kind of recurrent layer.

    Args:
        plan: Chooses the scales of a layer, given its name, its float input and the bits of its
            mode; returns the layer's output in floating point too.
        float_output: The latter alone.
        portable: Its steps in builtin ops.
        requires: Values that fields of `RecurrentStep` must have, besides those of every cell.
    """

    plan: Callable[[str, RecurrentStep, np.ndarray, int], tuple[RecurrentPlan, np.ndarray]]
    float_output: Callable[[RecurrentStep, np.ndarray], np.ndarray]
    portable: type[PortableStep]
    requires: Mapping[str, object] = field(default_factory=dict)


CELLS: Mapping[str, Cell] = {
    "gru": Cell(plan_gru, gru_float_output, GruStep, {"reset_after": True}),
    "lstm": Cell(plan_lstm, lstm_float_output, LstmStep),
}
