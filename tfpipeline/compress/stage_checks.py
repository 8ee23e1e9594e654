"""What stage 2 would refuse, said before the epochs of stage 1."""

from __future__ import annotations

import random
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.callbacks.calr import CALR
from tfpipeline.callbacks.inner_optimizer import inner_optimizer
from tfpipeline.callbacks.learning_rate_multipliers import LearningRateMultipliers
from tfpipeline.callbacks.weight_masks import WeightMasks
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.truncate import truncate
from tfpipeline.layers.factored.named_factors import named_factors

Callbacks = Sequence[keras.callbacks.Callback]


def check_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return the callbacks as a list, unless one cannot be in both stages."""
    if not isinstance(callbacks, (list, tuple)):
        raise ValueError(
            f"`callbacks` must be a list of callbacks, since each stage puts its own beside them; "
            f"received {callbacks!r}."
        )
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "`callbacks` must not have a BackupAndRestore, whose weights would be those of one "
                "stage and be restored in the other: call fit(), truncate() and fit() with one for "
                "each fit()."
            )
    return list(callbacks)


def check_rate(model: keras.Model, factor: Any, callbacks: Callbacks) -> None:
    """Raise unless stage 2 can start at `factor` times the last learning rate."""
    if not is_number(factor) or factor <= 0:
        raise ValueError(f"`learning_rate_factor` must be a positive number; received {factor!r}.")
    if factor == 1:
        return
    optimizer = inner_optimizer(model.optimizer)
    if hasattr(optimizer, "optimizers"):
        raise ValueError(
            f"`learning_rate_factor` must be 1 with a MultiOptimizer, which has several learning "
            f"rates; received {factor!r}: compile with one optimizer."
        )
    if not isinstance(optimizer._learning_rate, keras.Variable):
        raise ValueError(
            f"`learning_rate_factor` must be 1 where the optimizer follows a schedule, which sets "
            f"the rate itself; received {factor!r}: compile with a number as learning_rate."
        )
    for callback in callbacks:
        if isinstance(callback, (CALR, keras.callbacks.LearningRateScheduler)):
            raise ValueError(
                f"`learning_rate_factor` must be 1 with {type(callback).__name__}, which sets the "
                f"rate itself; received {factor!r}: give the callback the rates of stage 2."
            )


class RateProbe(keras.callbacks.Callback):
    """Moves the learning rate by the least step before any other callback acts.

    A callback that sets the rate removes that, also one that sets the rate that is there already,
    which is how `RateGuard` sees it. To be the first callback of stage 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.moved = float(np.nextafter(np.float32(rate), np.float32(np.inf)))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = self.moved


class RateGuard(keras.callbacks.Callback):
    """Looks at the learning rate of the first step, after all other callbacks.

    Args:
        factor: the `learning_rate_factor`.
        probe: of stage 1, where a callback that sets the rate is an error.
        rate: of stage 2, where it is a warning: it comes after the epochs of stage 1.
    """

    def __init__(
        self, factor: float, probe: RateProbe | None = None, rate: float | None = None
    ) -> None:
        super().__init__()
        self.factor, self.probe, self.rate = factor, probe, rate
        self._looked = False

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._looked:
            return
        self._looked = True
        rate = learning_rate(self.model)
        if self.probe is not None:
            if rate != self.probe.moved:
                raise ValueError(
                    f"`learning_rate_factor` must be 1 with a callback that sets the rate itself; "
                    f"received {self.factor!r}, and one of `callbacks` set the rate {rate:g}: give "
                    f"that callback the rates of stage 2."
                )
            self.model.optimizer.learning_rate = self.probe.rate
        elif self.rate is not None and not np.isclose(rate, self.rate, rtol=1e-5, atol=0):
            warnings.warn(
                f"learning_rate_factor={self.factor!r} set the learning rate of stage 2 to "
                f"{self.rate:g}, and one of `callbacks` changed it to {rate:g}.",
                stacklevel=2,
            )


def learning_rate(model: keras.Model) -> float:
    """Return the rate as the optimizer has it now."""
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


class Rehearsal(keras.callbacks.Callback):
    """Does `rehearse` for a model that `fit` builds: before or after the first step."""

    def __init__(self, criterion: Mapping[str, Any], callbacks: Callbacks) -> None:
        super().__init__()
        self._arguments = (criterion, callbacks)
        self._done = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._rehearse_if_built()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._rehearse_if_built()

    def _rehearse_if_built(self) -> None:
        if self.model.built and not self._done:
            self._done = True
            rehearse(self.model, *self._arguments)


def rehearse(model: keras.Model, criterion: Mapping[str, Any], callbacks: Callbacks) -> None:
    """Raise where the cut of `model` after stage 1, or training on, would fail.

    It cuts the untrained model once, and throws the result away. The ranks will be others after
    training; what is refused does not depend on them.
    """
    factors = [(name, factor) for name, _, factor in named_factors(model)]
    projecting = [name for name, factor in factors if factor.projects_output]
    if projecting and criterion.get("rank") is None and criterion.get("explained_variance") != 1:
        raise CompressionError(
            f"`model` must not have a layer with joint='prabhavalkar', whose rank is the width of "
            f"its output, where the ranks are chosen after stage 1; {projecting[0]!r} is one: give "
            f"`rank` for the other matrices."
        )
    # The same model, with the same random numbers, as without a rehearsal.
    states = random.getstate(), np.random.get_state()
    small, _ = truncate(model, **criterion)
    random.setstate(states[0])
    np.random.set_state(states[1])
    if not small.compiled:
        raise CompressionError(
            f"`model` must be compiled by keras.Model.compile, which stage 2 repeats; "
            f"{type(model).__name__} has its own compile(): call fit(), truncate(), compile() and "
            f"fit()."
        )
    rank = criterion.get("rank")
    cut = {
        id(variable)
        for name, factor in factors
        if not isinstance(rank, Mapping) or name in rank  # a dict leaves the others as they are
        for variable in (factor.left, factor.right)
    }
    for callback in callbacks:
        if isinstance(callback, LearningRateMultipliers):
            callback.by_variable(model)
        if isinstance(callback, WeightMasks):
            callback.set_model(model)
            masked = [name for name, v in callback.variables().items() if id(v) in cut]
            if masked:
                raise CompressionError(
                    f"`callbacks` must not have a {type(callback).__name__} for a matrix that is "
                    f"cut, since its masks do not fit the smaller factors; {masked[0]!r} is one: "
                    f"leave it out by `select`, or prune after stage 2."
                )
