"""The l2 baseline of trace-norm regularization."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.regularizers.trace_norm import check_strength


@keras.saving.register_keras_serializable(package="tfpipeline")
class HalfL2(keras.regularizers.Regularizer):
    """Adds 1/2 strength |W|^2 for a kernel W that is stored whole.

    The baseline of Kliegl et al. (2018), section 3.2.1: the same strength means the same scale as
    in `TraceNorm`. It is `keras.regularizers.L2` with half the strength, and raises on a factored
    layer, where a square norm of each factor would be the trace norm.

    Args:
        strength: factor of the penalty, not negative; 0 is no penalty.

    Raises:
        ValueError: for a bad strength, or when given to a factored layer.

    Example:

    >>> layer = keras.layers.GRU(96, kernel_regularizer=HalfL2(1e-4))
    """

    def __init__(self, strength: float) -> None:
        self.strength = check_strength(strength)

    def __call__(self, x: Any) -> Any:
        return 0.5 * self.strength * ops.sum(ops.square(x))

    def for_factor(self) -> Any:
        raise ValueError(
            "HalfL2 was given to a factored kernel, where the square norm of the factors is the "
            "trace norm of the kernel; use it on a layer such as keras.layers.GRU, or use "
            "tfpipeline.regularizers.TraceNorm."
        )

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength}
