"""Weight normalization: the norm of each row of a matrix is a weight of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.normalizations.normalization import Normalization, Steps


@keras.saving.register_keras_serializable(package="tfpipeline.normalizations")
class Weight(Normalization):
    """`g_j p_j / (|W_j| + epsilon)` for the product p_j of a unit, W_j its weights.

    Salimans and Kingma (2016), "Weight Normalization"; Hou et al. (2019) for quantized LSTMs. A
    scale of a quantizer has no effect here. At inference it is one factor a unit. A unit whose
    weights are all 0, which a ternary quantizer may give, counts as of norm 1: its product is 0
    anyway, and its gradient finite.

    Args:
        initial_gain: of every gain; None starts from the norms of the first matrix, before it is
            quantized.
        epsilon: added to the norm.
    """

    def __init__(self, initial_gain: float | None = None, epsilon: float = 1e-8) -> None:
        super().__init__(initial_gain, epsilon)

    def add_weights(self, add: Callable[..., Any], columns: int, start: Callable[[], Any]) -> None:
        gain = self.initial_gain

        def first(shape: Any, dtype: Any = None) -> Any:
            return (
                ops.cast(_norms(start()), dtype) if gain is None else ops.full(shape, gain, dtype)
            )

        self.gain = add("gain", first)

    def constants(self, kernel: Callable[[], Any]) -> tuple[Any, ...]:
        return (ops.convert_to_tensor(self.gain) / (_norms(kernel()) + self.epsilon),)

    def apply(self, products: Any, constants: tuple[Any, ...], gates: int, steps: Steps) -> Any:
        (scale,) = constants
        return products * scale

    def fold(self, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (scale,) = (ops.convert_to_numpy(c) for c in self.constants(lambda: kernel))
        return scale, np.zeros_like(scale)


def _norms(matrix: Any) -> Any:
    squares = ops.sum(ops.square(ops.cast(matrix, "float32")), axis=0)
    return ops.sqrt(ops.where(squares > 0, squares, 1.0))
