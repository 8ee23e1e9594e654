"""BWN: signs times a mean."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.quantizers.quantizer import Quantizer, gate_mean, signs


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class BWN(Quantizer):
    """`m sign(w)` with `m = mean |w|`: the binary matrix that is nearest in squares.

    Rastegari et al. (2016), "XNOR-Net", section 3.1 (binary weight networks), with one scale for
    the matrix of a gate.
    """

    bits = 1

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        return signs(w), gate_mean(ops.abs(w))
