"""Both stages of the method in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from tfpipeline.callbacks.learning_rate_multipliers import LearningRateMultipliers
from tfpipeline.compress.cut_plan import check_criterion
from tfpipeline.compress.stage_checks import (
    RateGuard,
    RateProbe,
    Rehearsal,
    check_callbacks,
    check_rate,
    learning_rate,
    rehearse,
)
from tfpipeline.compress.transition import Transition, monitor
from tfpipeline.compress.truncate import truncate
from tfpipeline.compress.truncation_report import TruncationReport


@dataclass(frozen=True)
class TwoStageResult:
    """What `two_stage_fit` made.

    Args:
        model: the small model after stage 2, compiled.
        report: what the cut did to each matrix.
        transition_epoch: epochs of stage 1.
        history: the logs of each epoch of both stages by name, None where an epoch has no such
            value, and `"stage"` with 1 or 2.
    """

    model: keras.Model
    report: TruncationReport
    transition_epoch: int
    history: dict[str, list[Any]]


def two_stage_fit(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    epochs: int,
    transition: int | float | str,
    criterion: Mapping[str, Any],
    learning_rate_factor: float = 1.0,
    learning_rate_multipliers: Mapping[str, float] | None = None,
    latest_transition: int | None = None,
    patience: int = 3,
    min_change: float = 0.01,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **fit_options: Any,
) -> TwoStageResult:
    """Train stage 1, cut the factors, and train stage 2, within a fixed number of epochs.

    Kliegl et al. (2018), section 3.2.3: stage 1 trains under the regularizers of `model`, stage 2
    without the trace norm. The epochs of stage 2 count on, so that a schedule by epoch or by
    iteration goes on through both: stage 2 starts at the learning rate of the transition, as in the
    paper's study of the transition epoch. `learning_rate_factor=3` is the rule of its section
    3.2.2, where stage 2 starts at three times the last rate of stage 1.

    Args:
        model: compiled model with factored layers. It holds the end of stage 1 afterwards.
        x, y: as in `keras.Model.fit`.
        epochs: of both stages together.
        transition: when stage 1 ends: an epoch; `"nu_plateau"` or `"rank_plateau"`, when the mean
            nu or the summed rank@0.9 has not fallen by the share `min_change` for `patience`
            epochs; or a float in (0, 1), when the mean nu is below it.
        criterion: how far to cut, as arguments of `truncate`, such as
            `{"explained_variance": 0.9}` or `{"budget_params": 30_000}`.
        learning_rate_factor: of the learning rate at the transition; 1 where a schedule or a
            callback sets the rate.
        learning_rate_multipliers: learning rates of single matrices in stage 2; see
            `tfpipeline.callbacks.LearningRateMultipliers`.
        latest_transition: stage 1 ends here at the latest; None takes half of the epochs.
        patience, min_change: of a plateau.
        callbacks: used in both stages, each of which begins and ends a `fit`. One that keeps the
            best model, such as `ModelCheckpoint(save_best_only=True)`, compares models of both.
            Not `BackupAndRestore`, and no pruning of matrices that are cut.
        fit_options: further arguments of `keras.Model.fit`, used in both stages.

    Raises:
        ValueError: for an argument out of range, a model that is not compiled, or a model or
            criterion that `truncate` refuses: all before the first step, or after it where only
            the step builds the model.

    Example:

    >>> result = two_stage_fit(
    ...     model, x, y, epochs=80, transition="rank_plateau", criterion={"explained_variance": 0.9}
    ... )
    >>> result.model.save("small.keras")
    """
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 2:
        raise ValueError(f"`epochs` must be an int of at least 2; received {epochs!r}.")
    if not model.compiled:
        raise ValueError(f"`model` must be compiled; {model.name!r} is not: call compile() first.")
    fixed = isinstance(transition, int) and not isinstance(transition, bool)
    latest = epochs - 1 if fixed else max(1, epochs // 2)
    if latest_transition is not None:
        latest = _check_latest(latest_transition, epochs)
    ends_stage1 = Transition(transition, latest, patience, min_change)
    # What stage 2 would refuse is said now, and not after the epochs of stage 1.
    _check_fit_options(fit_options)
    callbacks = check_callbacks(callbacks)
    check_rate(model, learning_rate_factor, callbacks)
    check_criterion(model, criterion)
    own = [LearningRateMultipliers(learning_rate_multipliers)] if learning_rate_multipliers else []
    first: list[keras.callbacks.Callback] = []
    if model.built:
        rehearse(model, criterion, [*callbacks, *own])
    else:
        first = [Rehearsal(criterion, [*callbacks, *own])]
    last: list[keras.callbacks.Callback] = []
    if learning_rate_factor != 1:
        probe = RateProbe(learning_rate(model))
        first, last = [probe, *first], [RateGuard(learning_rate_factor, probe=probe)]

    # Monitor first: the others see its measures in the logs.
    record = _Record()
    stage1 = model.fit(
        x,
        y,
        epochs=epochs,
        callbacks=[*first, monitor(), *callbacks, *last, ends_stage1, record],
        **fit_options,
    )
    reached = stage1.epoch[-1] + 1
    small, report = truncate(model, **criterion)
    if learning_rate_factor != 1:
        small.optimizer.learning_rate = learning_rate(small) * learning_rate_factor
        last = [RateGuard(learning_rate_factor, rate=learning_rate(small))]
    small.fit(
        x,
        y,
        epochs=epochs,
        initial_epoch=reached,
        callbacks=[monitor(), *callbacks, *own, *last, record],
        **fit_options,
    )
    return TwoStageResult(small, report, reached, record.history(reached))


def _check_latest(latest: Any, epochs: int) -> int:
    if not isinstance(latest, int) or isinstance(latest, bool) or not 1 <= latest < epochs:
        raise ValueError(
            f"`latest_transition` must be an epoch from 1 to {epochs - 1}; received {latest!r}."
        )
    return latest


def _check_fit_options(options: Mapping[str, Any]) -> None:
    if "initial_epoch" in options:
        raise ValueError(
            f"`initial_epoch` must be left to two_stage_fit, which starts stage 2 where stage 1 "
            f"ended; received {options['initial_epoch']!r}: to go on with a model of stage 2, "
            f"call its fit()."
        )


class _Record(keras.callbacks.Callback):
    """The logs of every epoch; Keras' history has no place for a value that an epoch lacks."""

    def __init__(self) -> None:
        super().__init__()
        self._epochs: list[dict[str, Any]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epochs.append(dict(logs or {}))

    def history(self, stage1: int) -> dict[str, list[Any]]:
        """Return losses and metrics by name, with the stage of each epoch."""
        names = dict.fromkeys(name for logs in self._epochs for name in logs)
        history: dict[str, list[Any]] = {
            "stage": [1 if epoch < stage1 else 2 for epoch in range(len(self._epochs))]
        }
        return history | {name: [logs.get(name) for logs in self._epochs] for name in names}
