"""How far the pre-activations of a recurrent layer must reach in a portable graph, row by row.

A gate sees its sum up to where it saturates. A product that goes further than that, whatever is
added to it, only makes the steps of int8 coarser: an input of loud magnitudes reaches 600 in some
rows while 20 would do. And units differ: one range for all rows has the steps that the widest of
them needs, which in trained LSTMs was most of the error. Each row of a product is therefore stored
in units of its own reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfpipeline.export.recurrent.gate_names import saturation
from tfpipeline.numerics.cells import Gate

_MEMORY = 16.0
"""A sigmoid that holds the state needs more than where it saturates, because what it lets go in a
step adds up: in a stream of 2,000 steps 0.9997 forgets half."""
_HEADROOM = 1.25
"""Of a row over what calibration saw of it: other data goes further in some rows."""
_NARROWEST = 1.0 / 4.0
"""Of a row against the widest: of few calibration samples a row may have seen next to nothing."""
_SMALLEST = 127e-4
"""Gates need no steps below 1e-4, and much finer ones would ask for larger multipliers than kernels
have."""


def heard_by(
    gates: Sequence[Gate],
    highest: np.ndarray,
    units: int,
    functions: Mapping[str, str],
    shift: float,
) -> np.ndarray:
    """Return the magnitude `(rows,)` of a sum beyond which its gate does not change.

    Args:
        gates: Of the cell.
        highest: The highest sum of both products on the calibration data, `(rows,)`.
        units: Rows of a gate.
        functions: The layer's in place of "sigmoid" and "tanh".
        shift: Magnitude of the largest number that is added to a sum that the candidate reads too.
    """
    heard = []
    for number, gate in enumerate(gates):
        function = functions[gate.function]
        reach = saturation(function)
        if gate.holds and function == "sigmoid":
            reach = holding_reach(highest[number * units : (number + 1) * units])
        if gate.candidate:
            reach = max(reach, saturation(functions["tanh"]) + shift)
        heard.append(reach)
    return np.repeat(heard, units)


def holding_reach(holding: np.ndarray) -> float:
    """Return how far the sums into a sigmoid that multiplies the old state must reach."""
    return float(np.clip(holding.max(), saturation("sigmoid"), _MEMORY))


def row_reaches(
    p_x: np.ndarray,
    p_h: np.ndarray,
    sums: np.ndarray,
    heard: np.ndarray,
    summed_rows: int,
    holding: slice | np.ndarray,
) -> dict[str, np.ndarray]:
    """Return how far each row of the products must reach.

    A row is cut where the gate is saturated whatever the other product adds. One of two is cut at
    most: where the smaller is cut too, their sum is beyond what is heard.

    Args:
        p_x: Magnitudes of the input's pre-activations on the calibration data, `(rows,)`.
        p_h: The same of the state's.
        sums: The same of both added.
        heard: Magnitude `(rows,)` of a sum beyond which the gate does not change.
        summed_rows: The first rows, which are only ever added. Of the others the state's part is
            multiplied before it is added, so that all of it counts.
        holding: Which summed rows are of a gate that holds the state. Their sums reach as far as
            they are heard: in a long stream they may go further than calibration saw.

    Returns:
        float32 arrays: "x" and "h" `(rows,)`, and "sum" `(summed_rows,)` of their sum.
    """
    x, h = _seen(p_x), _seen(p_h)
    all_of_h = np.where(np.arange(len(heard)) < summed_rows, 0.0, np.inf)
    near_x = _evened(np.minimum(x, heard + h), summed_rows)
    near_h = _evened(np.minimum(h, np.maximum(heard + x, all_of_h)), summed_rows)
    # Evened rows can hold more than they saw, which must not bring the sum back into what is heard.
    reach_x = np.maximum(near_x, np.minimum(x, heard + near_h))
    reach_h = np.maximum(near_h, np.minimum(h, np.maximum(heard + near_x, all_of_h)))
    both = np.minimum(_seen(sums[:summed_rows]), heard[:summed_rows])
    sums = _evened(both, summed_rows)
    held = np.where(np.isfinite(heard[:summed_rows]), heard[:summed_rows], sums)
    sums[holding] = held[holding]
    return {
        "x": reach_x.astype(np.float32),
        "h": reach_h.astype(np.float32),
        "sum": sums.astype(np.float32),
    }


def unheard_reaches(
    raw_x: np.ndarray, raw_h: np.ndarray, summed_rows: int
) -> dict[str, np.ndarray]:
    """Return how far each row of products reaches that are normalized: all that was seen counts.

    As they are normalized apart, there is no "sum".
    """
    return {"x": unheard_reach(raw_x, summed_rows), "h": unheard_reach(raw_h, summed_rows)}


def unheard_reach(largest: np.ndarray, summed_rows: int) -> np.ndarray:
    """Return how far each row of a product reaches of which all counts, float32 `(rows,)`."""
    return _evened(_seen(largest), summed_rows).astype(np.float32)


def _seen(largest: np.ndarray) -> np.ndarray:
    return _HEADROOM * largest.astype(np.float64)


def _evened(reach: np.ndarray, summed_rows: int) -> np.ndarray:
    # Apart, because what is multiplied before it is added may be much wider.
    groups = np.split(reach, [summed_rows])
    return np.concatenate([_narrow_raised(group) for group in groups if group.size])


def _narrow_raised(reach: np.ndarray) -> np.ndarray:
    largest = float(reach.max())
    if largest < _SMALLEST:
        # Nothing was seen, as of the state in sequences of one step: any reach may come.
        return np.ones_like(reach)
    return np.maximum(reach, max(_NARROWEST * largest, _SMALLEST))
