"""The one table of our ops: what their options are, and what a call multiplies and adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tfpipeline.numerics.cells import CELLS, Cell
from tfpipeline.numerics.factored_options import OP_NAME as FACTORED_FULLY_CONNECTED
from tfpipeline.numerics.factored_options import FactoredOptions
from tfpipeline.numerics.fully_connected_options import OP_NAME as FULLY_CONNECTED
from tfpipeline.numerics.fully_connected_options import FullyConnectedOptions
from tfpipeline.numerics.recurrent_options import RecurrentOptions


@dataclass(frozen=True)
class Op:
    """One of our ops.

    Args:
        unpack: Reads the bytes of its `custom_options`; raises ValueError where they are not.
        features: From options: the length of the vectors of the input.
        macs: From options: multiply-accumulates for each of these vectors.
    """

    unpack: Callable[[bytes], Any]
    features: Callable[[Any], int]
    macs: Callable[[Any], int]


def _recurrent(cell: Cell) -> Op:
    return Op(
        partial(RecurrentOptions.unpack, cell=cell.name), lambda o: o.input_dim, _both_kernels
    )


def _both_kernels(options: RecurrentOptions) -> int:
    rows = options.recurrent_cell.rows(options.units)
    return sum(
        rank * (columns + rows) if rank else columns * rows
        for columns, rank in ((options.input_dim, options.rank_x), (options.units, options.rank_h))
    )


OPS = {
    **{cell.op_name: _recurrent(cell) for cell in CELLS.values()},
    FULLY_CONNECTED: Op(
        FullyConnectedOptions.unpack, lambda o: o.depth, lambda o: o.rows * o.depth
    ),
    FACTORED_FULLY_CONNECTED: Op(
        FactoredOptions.unpack, lambda o: o.depth, lambda o: o.rank * (o.depth + o.rows)
    ),
}
"""By name of the custom operator; the names that the plug-in registers."""
