"""Cyclical learning rate, without annealing."""

from __future__ import annotations

from tfpipeline.callbacks.calr import CALR


class CyclicalLR(CALR):
    """Triangular learning-rate cycles between two fixed bounds.

    Smith (2017), "Cyclical Learning Rates for Training Neural Networks", the policy "triangular":
    `CALR` without its decay, and counted, restored and resumed as that is.

    Args:
        ub: upper bound, reached in the middle of each cycle.
        lb: lower bound, with which each begins and ends.
        step_size: batches of half a cycle; None takes the batches of one epoch.

    Raises:
        ValueError: as `CALR`.

    Example:

    >>> model.fit(x, y, epochs=10, callbacks=[CyclicalLR(1e-3, lb=1e-5, step_size=200)])
    """

    def __init__(self, ub: float, lb: float, step_size: int | None = None) -> None:
        super().__init__(ub, lb=lb, decay=1.0, step_size=step_size)
