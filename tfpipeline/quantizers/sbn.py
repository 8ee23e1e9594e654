"""SBN: signs that are drawn."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.numerics.low_bit import stochastic_scale
from tfpipeline.quantizers.quantizer import Quantizer, signs


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class SBN(Quantizer):
    """`W0` with probability `clip((w / W0 + 1) / 2, 0, 1)`, else `-W0`; its mean is w.

    Ardakani et al. (2019), "Learning Recurrent Binary/Ternary Weights", with W0 half the limit of
    Glorot's uniform start of the kernel with all its gates. It draws once a batch in training and
    takes the likelier sign at inference. The authors' code also clips each step of the optimizer to
    W0, as the callback `tfpipeline.callbacks.StepClipping` does.
    """

    RANDOM = True
    bits = 1

    def scale(self, shape: tuple[int, int]) -> float:
        """Return W0 of a kernel `(rows, columns)`."""
        return stochastic_scale(*map(int, shape))

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        scale = scale_of(w)
        if seed is None:
            return signs(w), scale
        drawn = keras.random.uniform(w.shape, dtype=w.dtype, seed=seed)
        return ops.where(drawn < (w / scale + 1) / 2, 1.0, -1.0), scale


def scale_of(w: Any) -> Any:
    """Return W0 of a kernel `(rows, gates, units)`."""
    rows, gates, units = w.shape
    return ops.full((1, 1, 1), stochastic_scale(rows, gates * units), w.dtype)
