"""Cyclically annealed learning rate."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.callbacks.inner_optimizer import inner_optimizer, steps_done
from tfpipeline.callbacks.restored_steps import RestoredSteps


def _positive(value: Any, argument: str) -> float:
    if not is_number(value) or value <= 0:
        raise ValueError(f"`{argument}` must be a positive number; received {value!r}.")
    return float(value)


def _positive_int(value: Any, argument: str) -> int:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{argument}` must be a positive int; received {value!r}.")
    return int(value)


class CALR(keras.callbacks.Callback):
    """Triangular learning-rate cycles under an upper bound that decays and restarts.

    Within a cycle of 2 s batches (s = `step_size`) the rate rises linearly from `lb` to the upper
    bound and falls back: with c = it mod 2s, and it counted from 1,

    ```
    lr = lb + (ub_m - lb) c / s              for c < s
    lr = ub_m - (ub_m - lb) (c - s) / s      otherwise,      ub_m = ub decay^m
    ```

    m goes up by one each cycle (or each epoch) and starts again from 0 when it reaches `n_decays`.
    Acharya et al. (2019), "Online embedding compression for text classification", algorithm 1; with
    `decay=1` and a given `lb` it is the triangular schedule of Smith (2017). It works with any
    optimizer whose learning rate is a number, sets the rate before every batch, and counts on
    through several `fit` calls, also through one that `keras.callbacks.BackupAndRestore` resumes.
    It warns when training ends before the first upper bound is reached.

    Args:
        ub: first upper bound.
        lb: lower bound, which stays fixed; None takes `ub * decay ** n_decays`.
        n_decays: restart after this many decays; None takes 5, or with `lb` the number of decays
            that bring the upper bound down to `lb`. Give `lb` or `n_decays`, not both.
        decay: factor of the upper bound, in (0, 1].
        step_size: batches of half a cycle; None takes the batches of one epoch (the authors used
            1000).
        decay_every: `"cycle"`, so that the schedule does not depend on the size of the data, or
            `"epoch"`, as in the authors' code.

    Raises:
        ValueError: for an argument out of range, an unknown epoch length with `step_size=None`, or
            an optimizer whose learning rate is a schedule.

    Example:

    >>> model.fit(x, y, epochs=10, callbacks=[CALR(1e-3, decay=0.5, step_size=200)])
    """

    def __init__(
        self,
        ub: float,
        lb: float | None = None,
        n_decays: int | None = None,
        decay: float = 0.1,
        step_size: int | None = None,
        decay_every: str = "cycle",
    ) -> None:
        super().__init__()
        self.ub = _positive(ub, "ub")
        self.decay = _positive(decay, "decay")
        if self.decay > 1:
            raise ValueError(f"`decay` must be in (0, 1]; received {decay!r}.")
        if lb is not None and n_decays is not None:
            raise ValueError(
                f"`lb` and `n_decays` both set where the decays end; received lb={lb!r} and "
                f"n_decays={n_decays!r}: give one of them."
            )
        if self.decay == 1 and lb is None:
            raise ValueError("`lb` must be given when `decay` is 1, or the rate would be constant.")
        self.n_decays = None if n_decays is None else _positive_int(n_decays, "n_decays")
        self.step_size = None if step_size is None else _positive_int(step_size, "step_size")
        if decay_every not in ("cycle", "epoch"):
            raise ValueError(f"`decay_every` must be 'cycle' or 'epoch'; received {decay_every!r}.")
        self.lb = None if lb is None else _positive(lb, "lb")
        if self.lb is not None and self.lb >= self.ub:
            raise ValueError(f"`lb` must be below ub={self.ub:g}; received {lb!r}.")
        self.decay_every = decay_every
        self._iteration = 0
        self._decays = 0
        self._epoch_start = 0
        self._optimizer_start = 0
        self._steps = self.step_size
        self._restored = RestoredSteps()

    @property
    def period(self) -> int:
        """Decays until the upper bound starts again. An integer, so no rounding can shift it."""
        if self.n_decays is not None:
            return self.n_decays
        if self.lb is None:
            return 5
        if self.decay == 1:
            return 1
        return max(1, math.ceil(math.log(self.lb / self.ub) / math.log(self.decay) - 1e-9))

    @property
    def lower_bound(self) -> float:
        return self.ub * self.decay**self.period if self.lb is None else self.lb

    @property
    def upper_bound(self) -> float:
        """The upper bound now."""
        return self.ub * self.decay**self._decays

    @property
    def state(self) -> dict[str, int]:
        """What a resumed run needs: `{"iteration": ..., "decays": ...}`."""
        return {"iteration": self._iteration, "decays": self._decays}

    def load_state(self, state: dict[str, int]) -> None:
        """Continue from the `state` of another instance with the same arguments."""
        if set(state) != {"iteration", "decays"}:
            raise ValueError(
                f"`state` must have the keys 'iteration' and 'decays'; received {sorted(state)}."
            )
        self._iteration = int(state["iteration"])
        self._decays = int(state["decays"])

    def learning_rate(self, iteration: int) -> float:
        """Return the rate of batch `iteration`, counted from 1, under the upper bound of now."""
        if self._steps is None:
            raise ValueError(
                "`step_size` is not known before training starts; give it as a number."
            )
        lower, upper, half = self.lower_bound, self.upper_bound, self._steps
        position = iteration % (2 * half)
        if position < half:
            return lower + (upper - lower) * position / half
        return upper - (upper - lower) * (position - half) / half

    @property
    def _epoch_steps(self) -> int | None:
        """Batches of an epoch, where known."""
        return (self.params or {}).get("steps")

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self._restored.set_model(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.step_size is None:
            steps = self._epoch_steps
            if not steps:
                raise ValueError(
                    "`step_size` must be given, because the number of batches of an epoch is not "
                    "known for this data."
                )
            self._steps = int(steps)
        optimizer = inner_optimizer(self.model.optimizer)
        if hasattr(optimizer, "optimizers"):
            raise ValueError(
                "CALR sets one learning rate: compile the model with one optimizer, not a "
                "MultiOptimizer."
            )
        if not isinstance(getattr(optimizer, "_learning_rate", None), keras.Variable):
            raise ValueError(
                "CALR sets the learning rate itself: compile the model with a number as the "
                "optimizer's learning_rate, not a schedule."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        skipped = self._restored.skipped(self.model, self._iteration)
        if skipped:
            self._advance(self._iteration + skipped)
            if self.decay_every == "epoch":
                steps = self._epoch_steps
                # A backup in the last batch of an epoch has all of its steps, and begins it again.
                self._decays += min(int(skipped / steps), epoch) if steps else epoch
                self._decays %= self.period
        self._epoch_start = self._iteration
        self._optimizer_start = steps_done(self.model.optimizer)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # `batch` counts steps, also when several steps run in one execution.
        self._advance(self._epoch_start + batch + 1)
        self.model.optimizer.learning_rate = self.learning_rate(self._iteration)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # Of the last execution Keras names the last step that it could have had.
        done = batch + 1 if not self._epoch_steps else min(batch + 1, self._epoch_steps)
        self._advance(self._epoch_start + done)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._epoch_steps and getattr(self.model, "steps_per_execution", 1) != 1:
            done = steps_done(self.model.optimizer) - self._optimizer_start
            self._advance(self._epoch_start + done)
        if logs is not None:
            logs["learning_rate"] = self.learning_rate(self._iteration)
        if self.decay_every == "epoch":
            self._decays = (self._decays + 1) % self.period

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._steps is not None and 0 < self._iteration < self._steps:
            rate = self.learning_rate(self._iteration)
            warnings.warn(
                f"CALR has reached a learning rate of {rate:.3g} and not ub={self.ub:g}: training "
                f"ended after {self._iteration} batches, and half a cycle is {self._steps}; give a "
                f"smaller step_size, or go on with this callback.",
                stacklevel=2,
            )

    def _advance(self, iteration: int) -> None:
        if self.decay_every == "cycle" and self._steps is not None:
            cycles = iteration // (2 * self._steps) - self._iteration // (2 * self._steps)
            self._decays = (self._decays + cycles) % self.period
        self._iteration = iteration
