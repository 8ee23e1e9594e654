"""`keras.layers.TimeDistributed` as one call for all time steps.

Keras calls the inner layer once for each time step of a known number, which makes a graph that
grows with the sequence and cannot stream. With one sequence a batch, the time steps can be the
batch of a single call instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfpipeline.export.trace.recurrent_layers import recurrent_step


def merged_call(layer: keras.layers.Layer) -> Callable[..., Any] | None:
    """Return a call of a `TimeDistributed` that repeats nothing; None for all that must stay.

    A recurrent layer inside stays: it has a state for each time step of the outer sequence, and
    its marker stands for one sequence.
    """
    if not isinstance(layer, keras.layers.TimeDistributed):
        return None
    inner = layer.layer
    inside = (inner, *inner._flatten_layers(include_self=False))
    if any(recurrent_step(one) is not None for one in inside):
        return None
    original = layer.call

    def call(inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if mask is not None:
            return original(inputs, training=training, mask=mask)
        output = inner(keras.ops.reshape(inputs, inputs.shape[1:]), training=False)
        return keras.ops.reshape(output, (1, *output.shape))

    return call
