"""A second optimizer with the settings of the first, and none of its state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from tfpipeline.compress.compression_error import CompressionError


def fresh_optimizer(optimizer: Any) -> Any:
    """Return an optimizer of the same class and configuration that is not built.

    A schedule is shared and not written out, so that it may be any function or an own class that
    Keras could not find again. `exclude_from_weight_decay` is no part of a configuration; see
    `carry_over`.

    Raises:
        CompressionError: when the class cannot be made again from its `get_config()`.
    """
    try:
        return _fresh(optimizer, {})
    except CompressionError:
        raise
    except Exception as error:  # whatever a class of the user's raises
        reason = str(error).strip().splitlines()
        raise CompressionError(
            f"The optimizer must be one that its own get_config() makes again, since the smaller "
            f"model gets one of its own; {type(optimizer).__name__} is not: "
            f"{reason[0] if reason else error!r}."
        ) from error


def wrapped_optimizers(optimizer: Any) -> list[Any]:
    """Return the optimizers that this one holds, in order; none for one that steps itself."""
    inner = getattr(optimizer, "inner_optimizer", None)
    return [inner] if inner is not None else list(getattr(optimizer, "optimizers", ()))


def _fresh(optimizer: Any, made: dict[int, Any]) -> Any:
    if id(optimizer) in made:  # one optimizer under several names of an OptimizerMap
        return made[id(optimizer)]
    if hasattr(optimizer, "_optimizer_map"):
        result = type(optimizer)(
            _fresh_map(optimizer._optimizer_map, made),
            loss_scale_factor=optimizer.loss_scale_factor,
            name=optimizer.name,
        )
    elif hasattr(optimizer, "inner_optimizer"):
        with _without_schedules(optimizer):
            config = optimizer.get_config()
        del config["inner_optimizer"]
        result = type(optimizer)(_fresh(optimizer.inner_optimizer, made), **config)
    else:
        with _without_schedules(optimizer):
            config = optimizer.get_config()
        if not isinstance(optimizer._learning_rate, keras.Variable):
            config["learning_rate"] = optimizer._learning_rate
        result = type(optimizer).from_config(config)
    made[id(optimizer)] = result
    return result


def _fresh_map(optimizers: Any, made: dict[int, Any]) -> Any:
    if not hasattr(optimizers, "default_optimizer"):
        raise CompressionError(
            f"A MultiOptimizer must have an OptimizerMap, since the smaller model gets optimizers "
            f"of its own; received the function {optimizers!r}."
        )
    default = _fresh(optimizers.default_optimizer, made)
    return type(optimizers)(default, {key: _fresh(one, made) for key, one in optimizers.items()})


@contextmanager
def _without_schedules(optimizer: Any) -> Iterator[None]:
    """Keep get_config() from writing out a schedule, which not every schedule can do."""
    levels = [optimizer]
    while hasattr(levels[-1], "inner_optimizer"):
        levels.append(levels[-1].inner_optimizer)
    hidden = [
        (level, level._learning_rate)
        for level in levels
        if not isinstance(level._learning_rate, keras.Variable)
    ]
    try:
        for level, _ in hidden:
            level._learning_rate = None
        yield
    finally:
        for level, rate in hidden:
            level._learning_rate = rate
