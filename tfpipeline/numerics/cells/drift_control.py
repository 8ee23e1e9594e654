"""What keeps the state of a cell within bounds whose equations do not.

    h = clamp(state_gain * h + state_offset, -state_limit, state_limit)

A gate that stays at 1 lets FastRNN and FastGRNN grow by a little in each of many steps. `gain` and
`offset` are the filter of Comfi-FastGRNN (Fast-ULCNet, arXiv:2601.14925), h = gamma h + (1 - gamma)
lambda; `limit` clips. 1, 0 and 32768 change nothing.
"""

from __future__ import annotations

import numpy as np

from tfpipeline.numerics.cells.cell import FloatArray, Functions

#: Names of the cell's parameters that say how.
PARAMETERS = ("state_gain", "state_offset", "state_limit")


def controlled(h: FloatArray, f: Functions) -> FloatArray:
    """Return a new state within its bounds."""
    gain, offset, limit = (f.parameters[name] for name in PARAMETERS)
    moved = gain * h + offset
    return f.settle(np.minimum(np.maximum(moved, -limit), limit))
