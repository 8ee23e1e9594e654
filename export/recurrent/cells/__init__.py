"""The step of each cell in builtin ops: `Step` in the module that is named after the cell."""

from __future__ import annotations

from importlib import import_module

from tfpipeline.export.recurrent.portable import PortableStep
from tfpipeline.numerics.cells import Cell


def portable_step(cell: Cell) -> type[PortableStep]:
    """Return the class that emits a cell's step."""
    step: type[PortableStep] = import_module(f"{__name__}.{cell.name}").Step
    return step
