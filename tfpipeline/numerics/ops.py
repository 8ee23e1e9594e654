"""The one table of our ops: what their options are, and what a call multiplies and adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tfpipeline.numerics.cells import CELLS, Cell
from tfpipeline.numerics.embedding_options import OP_NAME as EMBEDDING
from tfpipeline.numerics.embedding_options import EmbeddingOptions, Mean
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
        features: From options: the length of the vectors of the input; 1 where it holds ids.
        matrices: From options: how many weights each matrix has, by the number of its operand; with
            each of these vectors, all of them are multiplied once.
        averages: From options: whether the vectors along the last dimension of the input, or the
            words of its ids, become one before they are multiplied.
    """

    unpack: Callable[[bytes], Any]
    features: Callable[[Any], int]
    matrices: Callable[[Any], dict[int, int]]
    averages: Callable[[Any], bool] = lambda options: False


def _recurrent(cell: Cell) -> Op:
    return Op(
        partial(RecurrentOptions.unpack, cell=cell.name), lambda o: o.input_dim, _both_kernels
    )


def _both_kernels(options: RecurrentOptions) -> dict[int, int]:
    cell = options.recurrent_cell
    rows = cell.rows(options.units)
    found: dict[int, int] = {}
    # Behind x and the states: two places for each kernel.
    first = 1 + len(cell.states)
    kernels = (
        (options.input_dim, options.rank_x, options.planes_x),
        (options.units, options.rank_h, options.planes_h),
    )
    for place, (columns, rank, planes) in zip((first, first + 2), kernels, strict=True):
        found[place] = columns * (rank or planes * rows)
        if rank:
            found[place + 1] = rank * rows
    return found


OPS = {
    **{cell.op_name: _recurrent(cell) for cell in CELLS.values()},
    FULLY_CONNECTED: Op(
        FullyConnectedOptions.unpack, lambda o: o.depth, lambda o: {1: o.rows * o.depth}
    ),
    FACTORED_FULLY_CONNECTED: Op(
        FactoredOptions.unpack,
        lambda o: o.depth,
        lambda o: {1: o.rank * o.depth, 2: o.rows * o.rank},
    ),
    EMBEDDING: Op(
        EmbeddingOptions.unpack,
        lambda o: 1,
        lambda o: {3: o.units * o.width} if o.units else {},
        lambda o: o.mean != Mean.NONE,
    ),
}
"""By name of the custom operator; the names that the plug-in registers."""
