"""Carries compilation and optimizer state from a model to its compressed successor."""

from __future__ import annotations

import warnings
from collections.abc import Set
from typing import Any

import keras


def compile_like(old: keras.Model, new: keras.Model, changed: Set[str]) -> None:
    """Compiles `new` as `old` was, and copies the optimizer's state where it still applies.

    Args:
        old: compiled model.
        new: model of the same structure and variable order.
        changed: paths of variables of `old` whose optimizer slots start again from zero.
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
    prefixes = tuple(path.replace("/", "_") for path in changed)
    for source, target in zip(optimizer.variables, new.optimizer.variables, strict=True):
        # A slot is named after its variable, and has another shape when that was cut.
        if source.shape == target.shape and not (prefixes and source.name.startswith(prefixes)):
            target.assign(source)


def _fresh_metrics(value: Any) -> Any:
    """Metrics count, so the two models must not share them; everything else may be shared."""
    if isinstance(value, keras.metrics.Metric):
        return type(value).from_config(value.get_config())
    if isinstance(value, dict):
        return {key: _fresh_metrics(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fresh_metrics(item) for item in value]
    return value
