"""Activation regularization of recurrent layers, and its temporal form."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.regularizers.trace_norm import check_strength


@keras.saving.register_keras_serializable(package="tfpipeline")
class ActivationRegularizer(keras.regularizers.Regularizer):
    """Adds ar mean(h_t^2) + tar mean((h_{t+1} - h_t)^2) for the outputs h of a layer.

    Merity, McCann and Socher (2017), "Revisiting Activation Regularization for Language RNNs",
    which calls the two AR and TAR: outputs shall be small, and change slowly. Means are over units,
    time steps and sequences, as in the code of that paper. It is an `activity_regularizer`, for
    which Keras divides by the number of sequences: called by itself, it returns the sum over them.

    The paper applies AR behind dropout and TAR before it: give the first to the
    `keras.layers.Dropout` and the second to the recurrent layer, or both to the latter where there
    is no dropout. Masks are not looked at: a masked step counts as it stands in the output.

    Keras adds it to the `loss` of `evaluate` as well; a perplexity is computed from a metric.

    Args:
        ar: factor of the mean square, not negative; 0 is no penalty.
        tar: factor of the mean square of differences between consecutive steps; it needs outputs
            with a time axis, `(batch, time, ...)`, of two steps or more.

    Raises:
        ValueError: for a bad factor, or outputs without a time axis where `tar` is not 0.

    Example:

    >>> layer = FastGRNN(96, return_sequences=True,
    ...                  activity_regularizer=ActivationRegularizer(ar=2.0, tar=1.0))
    """

    def __init__(self, ar: float = 0.0, tar: float = 0.0) -> None:
        self.ar, self.tar = check_strength(ar, "ar"), check_strength(tar, "tar")

    def __call__(self, x: Any) -> Any:
        if self.tar and (len(x.shape) < 3 or x.shape[1] == 1):
            raise ValueError(
                "`tar` must be 0 for outputs without consecutive steps: expected "
                f"(batch, time, ...), received the shape {tuple(x.shape)}; give it to a layer with "
                "return_sequences=True and without return_state."
            )
        x = ops.cast(x, "float32")  # squares of float16 overflow
        penalty = self.ar * _squares(x) if self.ar else 0.0
        if self.tar:
            penalty += self.tar * _squares(x[:, 1:] - x[:, :-1])
        return ops.convert_to_tensor(penalty, "float32")

    def get_config(self) -> dict[str, Any]:
        return {"ar": self.ar, "tar": self.tar}


def _squares(x: Any) -> Any:
    """Return the sum over sequences of their mean squares."""
    return ops.sum(ops.mean(ops.square(x), axis=tuple(range(1, len(x.shape)))))
