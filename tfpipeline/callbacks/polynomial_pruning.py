"""Magnitude pruning to a given sparsity, by the schedule of the TF Model Optimization Toolkit."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.callbacks.weight_masks import Select, WeightMasks, check_step


class PolynomialPruning(WeightMasks):
    """Zeroes the smallest weights of each kernel, a share that rises fast at first.

    Every `frequency` steps from `begin_step` to `end_step`, with it the steps done,

    ```
    sparsity = final + (initial - final) (1 - (it - begin_step) / (end_step - begin_step)) ^ power
    ```

    and the mask keeps the round(n (1 - sparsity)) largest of a kernel's n weights, at least one.
    Zhu and Gupta (2017), "To prune, or not to prune"; argument names and arithmetic are those of
    `tfmot.sparsity.keras.PolynomialDecay`, which cannot wrap a custom recurrent cell.

    Args:
        initial_sparsity, final_sparsity: in [0, 1).
        begin_step, end_step: first and last step that may change the masks.
        power: exponent of the schedule.
        frequency: steps between two updates.
        select: which trainable variables are pruned; None takes every kernel.

    Raises:
        ValueError: for an argument out of range or order.

    Example:

    >>> model.fit(x, y, epochs=20, callbacks=[PolynomialPruning(0.5, 0.9, 500, 5000)])
    """

    def __init__(
        self,
        initial_sparsity: float,
        final_sparsity: float,
        begin_step: int,
        end_step: int,
        power: float = 3,
        frequency: int = 100,
        select: Select | None = None,
    ) -> None:
        super().__init__(select)
        self.initial_sparsity = _check_share(initial_sparsity, "initial_sparsity")
        self.final_sparsity = _check_share(final_sparsity, "final_sparsity")
        self.begin_step = check_step(begin_step, "begin_step")
        self.end_step = check_step(end_step, "end_step", self.begin_step + 1)
        if not is_number(power) or power <= 0:
            raise ValueError(f"`power` must be a positive number; received {power!r}.")
        self.power = float(power)
        self.frequency = check_step(frequency, "frequency", 1)

    def sparsity_at(self, iteration: int) -> float:
        """Return the share of zeros asked for after `iteration` steps."""
        progress = (iteration - self.begin_step) / (self.end_step - self.begin_step)
        remaining = 1 - min(1.0, max(0.0, progress))
        return (
            self.final_sparsity
            + (self.initial_sparsity - self.final_sparsity) * remaining**self.power
        )

    def updates_at(self, iteration: int) -> bool:
        since = iteration - self.begin_step
        return since >= 0 and iteration <= self.end_step and since % self.frequency == 0

    def first_update(self) -> int:
        return self.begin_step

    def update(self, iteration: int) -> None:
        if not self.updates_at(iteration):
            return
        sparsity = self.sparsity_at(iteration)
        self.mask_by_threshold(lambda _, magnitudes: _threshold(magnitudes, sparsity))

    def unfinished(self, iteration: int) -> str | None:
        last = self.end_step - (self.end_step - self.begin_step) % self.frequency
        if iteration < last:
            return (
                f"has not reached final_sparsity={self.final_sparsity:g} at "
                f"end_step={self.end_step}: training ended after {iteration} steps"
            )
        reached = self.sparsity_at(last)
        if abs(self.final_sparsity - reached) > 0.01:
            return (
                f"has not reached final_sparsity={self.final_sparsity:g}: with "
                f"frequency={self.frequency} its last update is at step {last}, for "
                f"{reached:.3f}, and not at end_step={self.end_step}"
            )
        return None


def _threshold(magnitudes: np.ndarray, sparsity: float) -> float:
    """Return the least magnitude that is kept."""
    kept = max(1, round(magnitudes.size * (1 - sparsity)))
    return float(np.sort(magnitudes, axis=None)[-kept])


def _check_share(value: Any, argument: str) -> float:
    if not is_number(value) or not 0 <= value < 1:
        raise ValueError(f"`{argument}` must be in [0, 1); received {value!r}.")
    return float(value)
