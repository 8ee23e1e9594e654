"""What a rival is: a library that computes the same recurrent layers, and how it is started."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from recurrent_weights import LayerWeights, run_in_numpy

#: What installs all of them.
EXTRA = "pip install 'tfpipeline[bench-rivals]'"


@dataclass(frozen=True)
class Running:
    """A model that is ready to run: `invoke` computes, `output` gives `(frames, units)` of it."""

    invoke: Callable[[], object]
    output: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Rival:
    """A library in one number format.

    Args:
        name: Of its row.
        package: Which Python imports for it.
        cells: That it has an operator for.
        tolerance: The largest difference from NumPy's output, whose values lie in [-1, 1].
        start: `(layers, x (frames, features), threads) -> Running`; raises what it likes.
    """

    name: str
    package: str
    cells: tuple[str, ...]
    tolerance: float
    start: Callable[[Sequence[LayerWeights], np.ndarray, int], Running]


@dataclass(frozen=True)
class Problem:
    """Why a contender has no figures.

    Args:
        reason: For its row.
        might_win: Whether it might have been the best one, so that ours has no ratio without it.
    """

    reason: str
    might_win: bool = True


class NotOffered(Exception):
    """The library does not compute this here, whatever is installed."""


def start_rival(
    rival: Rival, stack: Sequence[LayerWeights], x: np.ndarray, threads: int
) -> Running | Problem:
    """Start a rival and hold its output against NumPy; whatever goes wrong is a `Problem`."""
    cell = stack[0].cell
    if cell not in rival.cells:
        return Problem(f"{rival.name} has no operator for {cell.upper()}", might_win=False)
    try:
        importlib.import_module(rival.package)
    except ImportError as error:
        return Problem(f"not installed ({error}): {EXTRA}")
    try:
        running = rival.start(stack, x, threads)
        running.invoke()
        found = running.output()
    except NotOffered as error:
        return Problem(str(error), might_win=False)
    except Exception as error:  # Of any library, and none may end the run of the others.
        return Problem(f"failed: {' '.join(str(error).split())[:200] or type(error).__name__}")
    wrong = difference(found, run_in_numpy(stack, x), rival.tolerance)
    return Problem(wrong) if wrong else running


def difference(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> str:
    """Return what is wrong with an output, or an empty text."""
    if found.shape != wanted.shape:
        return f"wrong output: shape {found.shape}, expected {wanted.shape}"
    largest = float(np.max(np.abs(found - wanted)))
    # Written so that NaN is wrong.
    if largest <= tolerance:
        return ""
    return f"wrong output: up to {largest:.2g} from NumPy's, expected at most {tolerance:g}"
