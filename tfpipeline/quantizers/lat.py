"""LAT: ternary codes and a scale that mind the loss."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.numerics.low_bit import LAT_TOLERANCE
from tfpipeline.quantizers.quantizer import Quantizer, gate_mean, signs
from tfpipeline.quantizers.ter_connect import ternary_codes

_MOST = 100


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class LAT(Quantizer):
    """`alpha b` with b in {-1, 0, 1}: the ternary matrix that is nearest where errors count by v.

    ```
    alpha = sum(b sqrt(v) w) / sum(|b| sqrt(v)),    b = [w > alpha / 2] - [w < -alpha / 2]
    ```

    until alpha stays, from the codes of `TWN` on, with v the second moments of Adam. Hou and Kwok
    (2018), "Loss-aware Weight Quantization of Deep Networks", algorithm 1. `fit` needs the callback
    `tfpipeline.callbacks.SecondMoments`, which brings v; before the first step it is 1.
    """

    WEIGHTED = True
    bits = 2

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        magnitude = ops.abs(w)
        weight = ops.ones_like(w) if moment is None else ops.sqrt(moment)

        def kept(alpha: Any) -> Any:
            return ops.cast(magnitude > alpha / 2, w.dtype)

        def step(alpha: Any, change: Any) -> tuple[Any, Any]:
            new = gate_mean(magnitude, weight * kept(alpha))
            return new, ops.max(ops.abs(new - alpha))

        start = gate_mean(magnitude, weight * ops.abs(ternary_codes(w)))
        alpha, _ = ops.while_loop(
            lambda alpha, change: change >= LAT_TOLERANCE,
            step,
            (start, ops.convert_to_tensor(np.float32(np.inf))),
            maximum_iterations=_MOST,
        )
        return signs(w) * kept(alpha), alpha
