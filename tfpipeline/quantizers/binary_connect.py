"""BinaryConnect: signs."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.quantizers.quantizer import Quantizer, signs


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class BinaryConnect(Quantizer):
    """`sign(w)`: Courbariaux et al. (2015), "BinaryConnect", deterministic form; sign(0) is 1."""

    bits = 1

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        return signs(w), ops.ones((1, 1, 1), w.dtype)
