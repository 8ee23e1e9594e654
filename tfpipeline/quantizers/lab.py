"""LAB: signs times a mean that minds the loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.quantizers.quantizer import Quantizer, gate_mean, signs


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class LAB(Quantizer):
    """`m sign(w)` with `m = sum(sqrt(v) |w|) / sum(sqrt(v))`, v the second moments of Adam.

    Hou, Yao and Kwok (2017), "Loss-aware Binarization of Deep Networks": the nearest binary matrix
    where errors count by a diagonal approximation of the Hessian. `fit` needs the callback
    `tfpipeline.callbacks.SecondMoments`, which brings v; before the first step it is 1.
    """

    WEIGHTED = True
    bits = 1

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        return signs(w), gate_mean(ops.abs(w), None if moment is None else ops.sqrt(moment))
