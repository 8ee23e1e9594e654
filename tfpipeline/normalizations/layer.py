"""Layer normalization of the units of each gate."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.normalizations.normalization import Normalization, Steps


@keras.saving.register_keras_serializable(package="tfpipeline.normalizations")
class Layer(Normalization):
    """`g (p - mean(p)) / sqrt(var(p) + epsilon) + b` over the units of a gate, at every step.

    Ba et al. (2016), "Layer Normalization", with gain and offset of every product.

    Args:
        initial_gain: of every gain; 0.1 suits long sequences.
        epsilon: added to the variance.
    """

    AT_RUN_TIME = True

    def __init__(self, initial_gain: float = 1.0, epsilon: float = 1e-5) -> None:
        super().__init__(initial_gain, epsilon)

    def apply(self, products: Any, constants: tuple[Any, ...], gates: int, steps: Steps) -> Any:
        gain, offset = constants
        apart = ops.reshape(products, (*ops.shape(products)[:-1], gates, gain.shape[-1] // gates))
        centered = apart - ops.mean(apart, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=-1, keepdims=True)
        normal = centered * ops.rsqrt(variance + self.epsilon)
        return ops.reshape(normal, ops.shape(products)) * gain + offset

    def fold(self, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise ValueError(
            "normalization='layer' does not fold into weights: its mean and variance are those of "
            "the very step; train with 'weight' or 'batch_shared' to fold."
        )
