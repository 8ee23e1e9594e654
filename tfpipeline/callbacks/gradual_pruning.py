"""Gradual magnitude pruning of recurrent networks, after Narang et al."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.arguments import is_number
from tfpipeline.callbacks.weight_masks import (
    Select,
    WeightMasks,
    check_step,
    named_variables,
)


class GradualPruning(WeightMasks):
    """Zeroes the weights below a threshold that rises slowly, then faster, then stops.

    Every `freq` steps between `start` and `end`, with it the steps done,

    ```
    theta = 2 q freq / (2 (ramp - start) + 3 (end - ramp)),     phi = slope theta
    epsilon = theta (it - start + 1) / freq                                      for it < ramp
    epsilon = (theta (ramp - start + 1) + phi (it - ramp + 1)) / freq            otherwise
    ```

    and the mask of a weight w is |w| >= epsilon; it acts after every step. Narang et al. (2017),
    "Exploring sparsity in recurrent neural networks", algorithm 1.

    Args:
        q: the magnitude that the threshold ends near: the 90th percentile of |w| of a dense model,
            a number for all weights, or a dict by the variable's name (see `percentiles`).
        start: steps before the first weight is pruned; the authors take the second epoch.
        ramp: steps before the threshold rises faster; a quarter of training.
        end: steps after which the masks stay as they are; half of training.
        freq: steps between two updates.
        slope: phi / theta, which the authors take from 1.5 to 2.
        select: which trainable variables are pruned; None takes every kernel.

    Raises:
        ValueError: for an argument out of range or order, or a variable that `q` does not name.

    Example:

    >>> pruning = GradualPruning(percentiles(dense), start=500, ramp=2500, end=5000)
    >>> model.fit(x, y, epochs=20, callbacks=[pruning])
    """

    def __init__(
        self,
        q: float | Mapping[str, float],
        start: int,
        ramp: int,
        end: int,
        freq: int = 100,
        slope: float = 1.5,
        select: Select | None = None,
    ) -> None:
        super().__init__(select)
        for value in q.values() if isinstance(q, Mapping) else [q]:
            if not is_number(value) or value <= 0:
                raise ValueError(f"`q` must be a positive number; received {value!r}.")
        self.q = q
        self.start = check_step(start, "start")
        self.ramp = check_step(ramp, "ramp", self.start)
        self.end = check_step(end, "end", self.ramp + 1)
        self.freq = check_step(freq, "freq", 1)
        if not is_number(slope) or slope < 1:
            raise ValueError(f"`slope` must be a number of at least 1; received {slope!r}.")
        self.slope = float(slope)

    def theta(self, q: float) -> float:
        """Return what the threshold rises by each `freq` steps before `ramp`."""
        return 2 * q * self.freq / (2 * (self.ramp - self.start) + 3 * (self.end - self.ramp))

    def threshold(self, iteration: int, q: float) -> float:
        """Return the threshold epsilon after `iteration` steps, for start < iteration < end."""
        theta = self.theta(q)
        if iteration < self.ramp:
            return theta * (iteration - self.start + 1) / self.freq
        rise = theta * (self.ramp - self.start + 1)
        return (rise + self.slope * theta * (iteration - self.ramp + 1)) / self.freq

    def updates_at(self, iteration: int) -> bool:
        return self.start < iteration < self.end and iteration % self.freq == 0

    def first_update(self) -> int:
        first = (self.start // self.freq + 1) * self.freq
        return first if first < self.end else np.iinfo(np.int32).max

    def update(self, iteration: int) -> None:
        if self.updates_at(iteration):
            self.mask_by_threshold(lambda name, _: self.threshold(iteration, self._q_of(name)))

    def unfinished(self, iteration: int) -> str | None:
        last = (self.end - 1) // self.freq * self.freq
        if not self.start < last:
            return (
                f"has pruned nothing: no step between start={self.start} and end={self.end} is a "
                f"multiple of freq={self.freq}"
            )
        if iteration < last:
            return (
                f"has not reached its last update at step {last}, before end={self.end}: training "
                f"ended after {iteration} steps"
            )
        return None

    def _q_of(self, name: str) -> float:
        if not isinstance(self.q, Mapping):
            return self.q
        if name not in self.q:
            raise ValueError(
                f"`q` must have a number for {name!r}; it has {sorted(self.q)}: take "
                "percentiles(model) of a dense model with the same layers."
            )
        return self.q[name]


def percentiles(model: keras.Model, share: float = 90.0) -> dict[str, float]:
    """Return the percentile of |w| over all kernels of one kind, by name: `q` of `GradualPruning`.

    Narang et al. choose one threshold for each kind of layer: here recurrent kernels are one kind,
    all other kernels the other.
    """
    kinds: dict[bool, dict[str, Any]] = {True: {}, False: {}}
    for name, variable in named_variables(model).items():
        kinds["recurrent" in variable.name][name] = variable
    result = {}
    for variables in kinds.values():
        values = [np.abs(ops.convert_to_numpy(v)).ravel() for v in variables.values()]
        for name in variables:
            result[name] = float(np.percentile(np.concatenate(values), share))
    return result
