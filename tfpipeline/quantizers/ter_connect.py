"""TerConnect: signs, and zeros where weights are small."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.numerics.low_bit import TERNARY_THRESHOLD
from tfpipeline.quantizers.quantizer import Quantizer, gate_mean, signs


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class TerConnect(Quantizer):
    """`sign(w)` where `|w| > 0.7 mean |w|`, else 0.

    The ternary form of BinaryConnect (Lin et al. 2016, "Neural Networks with Few Multiplications",
    deterministic) with the threshold of TWN, as Hou et al. (2019) compare it.
    """

    bits = 2

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        return ternary_codes(w), ops.ones((1, 1, 1), w.dtype)


def ternary_codes(w: Any) -> Any:
    """Return -1, 0 or 1 for each weight of `(rows, gates, units)`."""
    magnitude = ops.abs(w)
    kept = magnitude > TERNARY_THRESHOLD * gate_mean(magnitude)
    return ops.where(kept, signs(w), 0.0)
