"""The optimizer that steps, which others may wrap."""

from __future__ import annotations

from typing import Any


def inner_optimizer(optimizer: Any) -> Any:
    """Returns what `LossScaleOptimizer` and wrappers like it hold, at any depth."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer
