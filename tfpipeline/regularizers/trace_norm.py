"""Trace-norm regularization through the two factors of a matrix."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


def check_strength(strength: Any, argument: str = "strength") -> float:
    """Return `strength` as a float that is finite and not negative."""
    number = isinstance(strength, (int, float)) and not isinstance(strength, bool)
    if not number or not math.isfinite(strength) or strength < 0:
        raise ValueError(
            f"`{argument}` must be a finite number that is not negative; received {strength!r}."
        )
    return float(strength)


@keras.saving.register_keras_serializable(package="tfpipeline")
class TraceNorm(keras.regularizers.Regularizer):
    """Adds 1/2 strength (|U|^2 + |V|^2) for a kernel that a factored layer stores as W = U V.

    Over all factorizations of W the least value of that sum is strength times the trace norm of W
    (the sum of its singular values), so gradient descent on the factors lowers the rank. Kliegl et
    al. (2018), section 3.1, equations (2) and (3). Note the 1/2: `keras.regularizers.L2` has none.

    A layer that stores its kernel whole must not use it: there the same formula would be the plain
    square norm, which does not lower the rank. It raises instead.

    Args:
        strength: factor of the penalty, not negative; 0 is no penalty.

    Raises:
        ValueError: for a bad strength, or when applied to a kernel that is not factored.

    Example:

    >>> layer = FactoredGRU(96, kernel_regularizer=TraceNorm(1e-4),
    ...                     recurrent_regularizer=TraceNorm(3e-4))
    """

    def __init__(self, strength: float) -> None:
        self.strength = check_strength(strength)

    def __call__(self, x: Any) -> Any:
        raise ValueError(
            f"TraceNorm was given a kernel of shape {tuple(x.shape)} that is not factored, where "
            f"it would be a plain square norm; use it on a layer such as "
            f"tfpipeline.layers.FactoredGRU or FactoredDense, or use HalfL2."
        )

    def for_factor(self) -> FactorPenalty:
        """Return the penalty of one factor, which a factored layer attaches to each of the two."""
        return FactorPenalty(self.strength)

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength}


class FactorPenalty(keras.regularizers.Regularizer):
    """1/2 strength |x|^2 on one factor; made by `TraceNorm.for_factor`."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, x: Any) -> Any:
        return 0.5 * self.strength * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength}
