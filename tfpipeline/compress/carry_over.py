"""Carries compilation and optimizer state from a model to its compressed successor."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from tfpipeline.layers.take_over import take_over


def compile_like(old: keras.Model, new: keras.Model, kept: Iterable[tuple[Any, Any]]) -> None:
    """Compiles `new` as `old` was, and copies the optimizer's state where it still applies.

    Args:
        old: compiled model.
        new: its successor.
        kept: pairs of variables of `old` and `new` that are the same; their slots are copied, those
            of all other variables start again from zero, and a moving average of the weights from
            the weights. Iteration count and learning rate are copied.
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
    pairs = {id(target): id(source) for source, target in kept}
    order = {id(variable): i for i, variable in enumerate(old.trainable_variables)}
    sources = [order.get(pairs.get(id(variable), 0)) for variable in new.trainable_variables]
    _copy_state(optimizer, new.optimizer, sources)


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
    old: keras.optimizers.Optimizer, new: keras.optimizers.Optimizer, sources: Sequence[int | None]
) -> None:
    """Copies counters, learning rate and slots; `sources` has an index for each new variable."""
    if hasattr(old, "inner_optimizer"):  # LossScaleOptimizer
        _copy_state(old.inner_optimizer, new.inner_optimizer, sources)
    # Optimizers keep a slot of all variables as one list; its name is no help, because some name
    # their slots alike for different variables.
    old_lists, new_lists = _lists(old), _lists(new)
    in_lists = {id(slot) for slots in old_lists.values() for slot in slots}
    for kind, targets in new_lists.items():
        for source, target in zip(sources, targets, strict=True):
            if source is not None and target is not None:
                take_over(target, old_lists[kind][source])
    single = [slot for slot in old._variables if id(slot) not in in_lists]
    in_lists = {id(slot) for slots in new_lists.values() for slot in slots}
    targets = [slot for slot in new._variables if id(slot) not in in_lists]
    for source, target in zip(single, targets, strict=True):
        take_over(target, source)


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
