"""Carries compilation and optimizer state from a model to its compressed successor."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.take_over import take_over


def compile_like(
    old: keras.Model,
    new: keras.Model,
    kept: Iterable[tuple[Any, Any]],
    replaced: Iterable[tuple[Any, Any]] = (),
) -> None:
    """Compiles `new` as `old` was, and copies the optimizer's state where it still applies.

    Iteration count and learning rate are copied, and the slots of variables that are the same. All
    other slots start again: from zero, but a moving average of the weights from the weights, and
    the second moments of Adam and its like from the mean of those that they replace. From zero
    these would need Adam's correction of their bias, which a high iteration count turns off: the
    first steps would be up to six times too long.

    Args:
        old: compiled model.
        new: its successor.
        kept: pairs of variables of `old` and `new` that are the same.
        replaced: pairs of a variable of `old` and one of `new` that stands in its place.
    """
    settings = getattr(getattr(old, "_compile_config", None), "config", None)
    if settings is None:
        warnings.warn(
            f"{type(old).__name__} has its own compile(): the smaller model is left uncompiled.",
            stacklevel=3,
        )
        return
    settings = {name: _fresh_metrics(value) for name, value in settings.items()}
    optimizer = old.optimizer
    settings["optimizer"] = type(optimizer).from_config(optimizer.get_config())
    new.compile(**settings)
    if not optimizer.built:
        return
    new.optimizer.build(new.trainable_variables)
    _start_averages(new.optimizer)
    sources, ancestors = (_indices(old, new, pairs) for pairs in (kept, replaced))
    _copy_state(optimizer, new.optimizer, sources, ancestors)


def _indices(
    old: keras.Model, new: keras.Model, pairs: Iterable[tuple[Any, Any]]
) -> list[int | None]:
    """For each trainable variable of `new`, the index of its partner among those of `old`."""
    partner = {id(target): id(source) for source, target in pairs}
    order = {id(variable): i for i, variable in enumerate(old.trainable_variables)}
    return [order.get(partner.get(id(variable), 0)) for variable in new.trainable_variables]


def _start_averages(optimizer: keras.optimizers.Optimizer) -> None:
    """With `use_ema`, averages start at the weights: from zero they would soon replace them.

    Keras does so at iteration 0 only, and the iteration count carries over.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if optimizer.use_ema:
        for variable, average in zip(
            optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
        ):
            take_over(average, variable)


def _copy_state(
    old: keras.optimizers.Optimizer,
    new: keras.optimizers.Optimizer,
    sources: Sequence[int | None],
    ancestors: Sequence[int | None],
) -> None:
    """Copies counters, learning rate and slots.

    `sources` and `ancestors` have an index for each new variable that is the same as an old one, or
    in its place.
    """
    if hasattr(old, "inner_optimizer"):  # LossScaleOptimizer
        _copy_state(old.inner_optimizer, new.inner_optimizer, sources, ancestors)
    # Optimizers keep a slot of all variables as one list; its name is no help, because some name
    # their slots alike for different variables.
    old_lists, new_lists = _lists(old), _lists(new)
    in_lists = {id(slot) for slots in old_lists.values() for slot in slots}
    for kind, targets in new_lists.items():
        for source, target in zip(sources, targets, strict=True):
            if source is not None and target is not None:
                take_over(target, old_lists[kind][source])
    if _corrects_bias(new):
        moments = old_lists["_velocities"]
        for source, ancestor, target in zip(
            sources, ancestors, new_lists["_velocities"], strict=True
        ):
            if source is None:
                before = moments if ancestor is None else [moments[ancestor]]
                target.assign(ops.full(target.shape, _mean(before), target.dtype))
    single = [slot for slot in old._variables if id(slot) not in in_lists]
    in_lists = {id(slot) for slots in new_lists.values() for slot in slots}
    targets = [slot for slot in new._variables if id(slot) not in in_lists]
    for source, target in zip(single, targets, strict=True):
        take_over(target, source)


def _corrects_bias(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether it divides by the root of a second moment, and corrects that by the iterations."""
    return hasattr(optimizer, "beta_2") and hasattr(optimizer, "_velocities")


def _mean(slots: Sequence[Any]) -> float:
    """The mean of all numbers in some variables."""
    values = [ops.convert_to_numpy(slot).ravel() for slot in slots]
    return float(np.mean(np.concatenate(values), dtype=np.float64))


def _lists(optimizer: keras.optimizers.Optimizer) -> dict[str, list[Any]]:
    """The optimizer's slots by kind, each in the order of the variables; None for no slot."""
    count = len(optimizer._trainable_variables)
    own = {id(variable) for variable in optimizer._variables}
    return {
        name: list(value)
        for name, value in vars(optimizer).items()
        if isinstance(value, list)
        and name != "_variables"
        and len(value) == count
        and all(slot is None or id(slot) in own for slot in value)
    }


def _fresh_metrics(value: Any) -> Any:
    """Metrics count, so the two models must not share them; everything else may be shared."""
    if isinstance(value, keras.metrics.Metric):
        return type(value).from_config(value.get_config())
    if isinstance(value, dict):
        return {key: _fresh_metrics(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fresh_metrics(item) for item in value]
    return value
