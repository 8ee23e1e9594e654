"""The average of what is not masked."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfpipeline")
class MaskedAveragePooling1D(keras.layers.GlobalAveragePooling1D):
    """`sum_t m_t x_t / max(1, sum_t m_t)`: Keras' global average, and zero where all is masked.

    Keras' own layer divides nothing by nothing there, so that an empty text would have scores that
    are no numbers. Everywhere else the two are equal.

    Args:
        data_format, keepdims: as in `keras.layers.GlobalAveragePooling1D`.

    Call arguments:
        inputs: `(batch, time, features)`.
        mask: booleans `(batch, time)`, or None for the average of all time steps.

    Example:

    >>> MaskedAveragePooling1D()(np.ones((1, 2, 3)), mask=np.array([[True, False]])).shape
    (1, 3)
    """

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        axis = 1 if self.data_format == "channels_last" else 2
        valid = ops.expand_dims(ops.cast(mask, "bool"), 3 - axis)
        total = ops.sum(ops.where(valid, inputs, 0), axis=axis, keepdims=self.keepdims)
        count = ops.sum(ops.cast(valid, inputs.dtype), axis=axis, keepdims=self.keepdims)
        return total / ops.maximum(count, 1)
