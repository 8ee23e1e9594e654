"""STN: zeros that are drawn."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.quantizers.quantizer import Quantizer, signs
from tfpipeline.quantizers.sbn import scale_of


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class STN(Quantizer):
    """`W0 sign(w)` with probability `clip(|w| / W0, 0, 1)`, else 0; its mean is w.

    The ternary form of `SBN`, from the same paper. At inference it takes the likelier code: 0 where
    |w| is at most half of W0.
    """

    RANDOM = True
    bits = 2

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        scale = scale_of(w)
        limit = 0.5 if seed is None else keras.random.uniform(w.shape, dtype=w.dtype, seed=seed)
        return ops.where(ops.abs(w) / scale > limit, signs(w), 0.0), scale
