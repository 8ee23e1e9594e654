"""The one table of our ops: what their options are, and what a call multiplies and adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfpipeline.numerics.factored_options import OP_NAME as FACTORED_FULLY_CONNECTED
from tfpipeline.numerics.factored_options import FactoredOptions
from tfpipeline.numerics.fully_connected_options import OP_NAME as FULLY_CONNECTED
from tfpipeline.numerics.fully_connected_options import FullyConnectedOptions
from tfpipeline.numerics.gru_options import GruOptions
from tfpipeline.numerics.lstm_options import LstmOptions
from tfpipeline.numerics.recurrent_options import RecurrentOptions


@dataclass(frozen=True)
class Op:
    """One of our ops.

    Args:
        options: The class of its `custom_options`; `options.unpack(data)` reads them.
        features: From options: the length of the vectors of the input.
        macs: From options: multiply-accumulates for each of these vectors.
    """

    options: Any
    features: Callable[[Any], int]
    macs: Callable[[Any], int]


def _recurrent(gates: int) -> Callable[[RecurrentOptions], int]:
    def macs(options: RecurrentOptions) -> int:
        rows = gates * options.units
        return sum(
            rank * (columns + rows) if rank else columns * rows
            for columns, rank in (
                (options.input_dim, options.rank_x),
                (options.units, options.rank_h),
            )
        )

    return macs


OPS = {
    GruOptions.OP_NAME: Op(GruOptions, lambda o: o.input_dim, _recurrent(gates=3)),
    LstmOptions.OP_NAME: Op(LstmOptions, lambda o: o.input_dim, _recurrent(gates=4)),
    FULLY_CONNECTED: Op(FullyConnectedOptions, lambda o: o.depth, lambda o: o.rows * o.depth),
    FACTORED_FULLY_CONNECTED: Op(
        FactoredOptions, lambda o: o.depth, lambda o: o.rank * (o.depth + o.rows)
    ),
}
"""By name of the custom operator; the names that the plug-in registers."""
