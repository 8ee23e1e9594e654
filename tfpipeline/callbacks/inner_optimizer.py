"""The optimizers that step, which others may wrap."""

from __future__ import annotations

from typing import Any


def inner_optimizer(optimizer: Any) -> Any:
    """Return what `LossScaleOptimizer` and wrappers like it hold, at any depth."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def stepping_optimizers(optimizer: Any) -> list[Any]:
    """Return the optimizers that change variables: several in a `MultiOptimizer`, else one."""
    inner = inner_optimizer(optimizer)
    return list(getattr(inner, "optimizers", (inner,)))


def steps_done(optimizer: Any) -> int:
    """Return how many steps the optimizer counts, which a checkpoint holds as well."""
    count = getattr(inner_optimizer(optimizer), "_iterations", None)
    # int() does not know the variables of several replicas.
    return 0 if count is None else int(count.numpy())
