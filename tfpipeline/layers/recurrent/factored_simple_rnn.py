"""The simple recurrent network with factored kernels."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.layers.recurrent.keras_twin import KerasTwin, KerasTwinCell
from tfpipeline.layers.recurrent.products import StateProduct
from tfpipeline.layers.recurrent.recurrent_cell import RecurrentCell
from tfpipeline.layers.recurrent.recurrent_layer import RecurrentLayer


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredSimpleRNNCell(KerasTwinCell, RecurrentCell, keras.layers.SimpleRNNCell):
    """One step of a simple recurrent network with factored kernels.

    With `W = W_left W_right` and `U = U_left U_right`:

    ```
    h = tanh(x W + h U + b)
    ```

    This is `keras.layers.SimpleRNNCell` (Elman 1990) with the factors of Kliegl et al. (2018). The
    factors start from the balanced singular value split of the initializer's matrix, so that full
    rank starts as Keras' own cell.

    Args:
        units, activation, ..., seed: as in `keras.layers.SimpleRNNCell`. Regularizers and
            constraints of the kernels act on each of the two factors.
        rank: rank of the input kernel: `"full"`, an int, or a float in (0, 1] as a fraction of
            `min(features, units)`, rounded up.
        recurrent_rank: the same for the recurrent kernel; None takes `rank`.
        joint: which matrices share a factorization; see `FactoredGRU`.
        recurrent_weight_drop: share of the recurrent weights that are 0 while training; see
            `RecurrentCell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: `(batch, units)`, or a list with that one tensor.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank or `joint` that does not exist or does not fit the matrix.

    Example:

    >>> layer = keras.layers.RNN(FactoredSimpleRNNCell(16, rank=4))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    KIND = "simple_rnn"
    PLAIN = keras.layers.SimpleRNNCell

    def step(self, inputs: Any, states: list[Any], recurrent: StateProduct) -> list[Any]:
        (h,) = states
        (total,) = recurrent.sums(inputs, h)
        return [self.activation(total)]


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredSimpleRNN(KerasTwin, RecurrentLayer, keras.layers.SimpleRNN):
    """Simple recurrent network with factored kernels: the layer of `FactoredSimpleRNNCell`.

    It computes what `keras.layers.SimpleRNN` computes with `kernel = kernel_left @ kernel_right`
    and `recurrent_kernel` likewise, and starts as that layer when the rank is full. `FactoredGRU`
    says how its loop runs and what its forms of factorization are.

    Args:
        units, activation, ..., unroll: as in `keras.layers.SimpleRNN`. Regularizers and constraints
            of the kernels act on each of the two factors; see `tfpipeline.regularizers.TraceNorm`.
        rank: rank of the input kernel: `"full"` (default; `min(features, units)`), an int, or a
            float in (0, 1] as a fraction of that, rounded up.
        recurrent_rank: the same for the recurrent kernel, whose full rank is `units`; None takes
            `rank`.
        joint: which matrices share a factorization: `"partial"` (default), `"split"`, `"all"` or
            `"prabhavalkar"`; see `FactoredGRU`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `(batch, units)`, or a list with that one tensor.
        mask: booleans `(batch, time)`; a masked step keeps the state.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank or `joint` that does not exist or does not fit the matrix.

    Example:

    >>> model = keras.Sequential([keras.Input((None, 40)), FactoredSimpleRNN(96, rank=0.25)])
    >>> model.predict(np.zeros((1, 98, 40)), verbose=0).shape
    (1, 96)
    """

    CELL = FactoredSimpleRNNCell
    PLAIN = keras.layers.SimpleRNN
