"""TWN: ternary codes times the mean of what they keep."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.quantizers.quantizer import Quantizer, gate_mean
from tfpipeline.quantizers.ter_connect import ternary_codes


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class TWN(Quantizer):
    """The codes of `TerConnect` times the mean magnitude of the weights that are not 0.

    Li, Zhang and Liu (2016), "Ternary Weight Networks", with their threshold of 0.7 mean |w|.
    """

    bits = 2

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        codes = ternary_codes(w)
        return codes, gate_mean(ops.abs(w), ops.abs(codes))
