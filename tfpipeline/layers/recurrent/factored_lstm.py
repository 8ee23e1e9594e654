"""Long short-term memory with factored kernels."""

from __future__ import annotations

import keras

from tfpipeline.layers.recurrent.keras_twin import KerasTwin, KerasTwinCell
from tfpipeline.layers.recurrent.lstm_step import LSTMStep
from tfpipeline.layers.recurrent.recurrent_cell import RecurrentCell
from tfpipeline.layers.recurrent.recurrent_layer import RecurrentLayer


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredLSTMCell(KerasTwinCell, LSTMStep, RecurrentCell, keras.layers.LSTMCell):
    """One step of an LSTM with factored kernels.

    With `W = W_left W_right` and `U = U_left U_right`, gates side by side in the order i, f, c, o,
    and `p = x W + h U + b`:

    ```
    c = sigmoid(p_f) * c + sigmoid(p_i) * tanh(p_c)
    h = sigmoid(p_o) * tanh(c)
    ```

    This is `keras.layers.LSTMCell` (Hochreiter and Schmidhuber 1997) with the partially joint
    factorization of Kliegl et al. (2018), appendix B.2. The factors start from the balanced
    singular value split of the initializer's matrix, so that full rank starts as Keras' own cell.

    Args:
        units, activation, ..., seed: as in `keras.layers.LSTMCell`. Regularizers and constraints of
            the kernels act on each of the two factors.
        rank: rank of the input kernel: `"full"`, an int, or a float in (0, 1] as a fraction of
            `min(features, 4 * units)`, rounded up.
        recurrent_rank: the same for the recurrent kernel; None takes `rank`.
        joint: which matrices share a factorization; see `FactoredGRU`.
        recurrent_weight_drop: share of the recurrent weights that are 0 while training; see
            `RecurrentCell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: `[h, c]`, each `(batch, units)`.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank or `joint` that does not exist or does not fit the matrix.

    Example:

    >>> layer = keras.layers.RNN(FactoredLSTMCell(16, rank=4))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    PLAIN = keras.layers.LSTMCell


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredLSTM(KerasTwin, RecurrentLayer, keras.layers.LSTM):
    """Long short-term memory with factored kernels: the layer of `FactoredLSTMCell`.

    It computes what `keras.layers.LSTM` computes with `kernel = kernel_left @ kernel_right` and
    `recurrent_kernel` likewise, and starts as that layer when the rank is full. `FactoredGRU` says
    how its loop runs and what its forms of factorization are.

    Args:
        units, activation, ..., use_cudnn: as in `keras.layers.LSTM`. Regularizers and constraints
            of the kernels act on each of the two factors; see `tfpipeline.regularizers.TraceNorm`.
        rank: rank of the input kernel: `"full"` (default; `min(features, 4 * units)`), an int, or a
            float in (0, 1] as a fraction of that, rounded up; with `joint="split"` also a list of
            one a gate.
        recurrent_rank: the same for the recurrent kernel, whose full rank is `units`; None takes
            `rank`.
        joint: which matrices share a factorization: `"partial"` (default), `"split"`, `"all"` or
            `"prabhavalkar"`; see `FactoredGRU`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `[h, c]`, each `(batch, units)`.
        mask: booleans `(batch, time)`; a masked step keeps the state.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank or `joint` that does not exist or does not fit the matrix.

    Example:

    >>> model = keras.Sequential([keras.Input((None, 40)), FactoredLSTM(96, rank=0.25)])
    >>> model.predict(np.zeros((1, 98, 40)), verbose=0).shape
    (1, 96)
    """

    CELL = FactoredLSTMCell
    PLAIN = keras.layers.LSTM
