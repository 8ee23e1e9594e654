"""Trained numbers of a recurrent cell, which it keeps in float32 whatever it computes in."""

from __future__ import annotations

from numbers import Real
from typing import Any

import keras
from keras import ops

#: Beyond it a sigmoid is 0 or 1 in float32, and a logit cannot be trained.
LARGEST = 80


def add_scalar(
    cell: keras.layers.Layer,
    name: str,
    start: float,
    shape: tuple[int, ...] = (),
    trainable: bool = True,
) -> Any:
    """Add a weight that starts as one number everywhere.

    Not cast by itself: under mixed precision 0.999 would be 1 before anything is done with it.
    """
    return cell.add_weight(
        name=name,
        shape=shape,
        initializer=keras.initializers.Constant(start),
        trainable=trainable,
        autocast=False,
    )


def value_of(variable: Any) -> Any:
    """Return the value of such a weight."""
    return ops.convert_to_tensor(variable)


def check_logit(value: Any, argument: str) -> float:
    """Return the start of a logit, or raise."""
    if isinstance(value, bool) or not isinstance(value, Real) or not abs(float(value)) < LARGEST:
        raise ValueError(
            f"`{argument}` must be a number between -{LARGEST} and {LARGEST}, whose sigmoid "
            f"the trained value starts from; received {value!r}."
        )
    return float(value)
