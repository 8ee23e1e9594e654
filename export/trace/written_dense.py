"""Dense layers as export calls them: with the very matrices that a file shall hold.

`FactoredDense` itself multiplies its factors out where that pays for the number of frames at hand,
which would make other ops of a stream than of a whole sequence. `NormalizedDense` quantizes its
weights in the graph, whose arithmetic the converter need not repeat to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfpipeline.export.quantize.few_bits import smallest_form


def written_call(layer: keras.layers.Layer) -> Callable[..., Any] | None:
    """Return a call with the matrices that a file shall hold; None for layers without a choice.

    Of two factors it is the product, where that is no larger: but ternary factors stay apart,
    because their product is not ternary.
    """
    folded = getattr(layer, "folded_call", None)
    if folded is not None:
        fixed = folded()
        # Neither `training` nor `mask` has a part in it.
        return lambda inputs, **_: fixed(inputs)
    call = getattr(layer, "call_written", None)
    if call is None:
        return None
    (factor,) = layer.factors()
    factors = (np.asarray(factor.left), np.asarray(factor.right))
    multiplied_out = len(smallest_form(factors, 2)) == 1
    return lambda inputs: call(inputs, multiplied_out)
