"""The gated recurrent unit with factored kernels."""

from __future__ import annotations

import keras

from tfpipeline.layers.recurrent.gru_step import GRUStep
from tfpipeline.layers.recurrent.keras_twin import KerasTwin, KerasTwinCell
from tfpipeline.layers.recurrent.recurrent_cell import RecurrentCell
from tfpipeline.layers.recurrent.recurrent_layer import RecurrentLayer


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredGRUCell(KerasTwinCell, GRUStep, RecurrentCell, keras.layers.GRUCell):
    """One step of a GRU with factored kernels.

    With `W = W_left W_right` and `U = U_left U_right`, gates side by side in the order z, r, h:

    ```
    z = sigmoid(x W_z + h U_z + b_z)      r = sigmoid(x W_r + h U_r + b_r)
    n = tanh(x W_n + b_n + r * (h U_n + c_n))
    h = z * h + (1 - z) * n
    ```

    This is `keras.layers.GRUCell` (Cho et al. 2014, reset after the product) with the partially
    joint factorization of Kliegl et al. (2018), appendix B.2. The factors start from the balanced
    singular value split of the initializer's matrix, so that full rank starts as Keras' own cell.

    Args:
        units, activation, ..., seed: as in `keras.layers.GRUCell`. Regularizers and constraints of
            the kernels act on each of the two factors.
        rank: rank of the input kernel: `"full"`, an int, or a float in (0, 1] as a fraction of
            `min(features, 3 * units)`, rounded up.
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

    >>> layer = keras.layers.RNN(FactoredGRUCell(16, rank=4))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    PLAIN = keras.layers.GRUCell


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredGRU(KerasTwin, RecurrentLayer, keras.layers.GRU):
    """Gated recurrent unit with factored kernels: the layer of `FactoredGRUCell`.

    It computes what `keras.layers.GRU` computes with `kernel = kernel_left @ kernel_right` and
    `recurrent_kernel` likewise, each shared by all gates (the partially joint form of Kliegl et al.
    2018, appendix B.2), and starts as that layer when the rank is full. The input projection runs
    for all time steps at once; each product is formed once a batch, outside the loop over time,
    where that is cheaper than multiplying by both factors. On a GPU with TensorFlow it uses cuDNN
    as Keras does.

    Args:
        units, activation, ..., use_cudnn: as in `keras.layers.GRU`. Regularizers and constraints of
            the kernels act on each of the two factors; see `tfpipeline.regularizers.TraceNorm`.
        rank: rank of the input kernel: `"full"` (default; `min(features, 3 * units)`), an int, or a
            float in (0, 1] as a fraction of that, rounded up.
        recurrent_rank: the same for the recurrent kernel, whose full rank is `units`; None takes
            `rank`.
        joint: which matrices share a factorization.
            `"partial"` (default): the gates of a kernel; one factorization for the input kernel,
            one for the recurrent kernel.
            `"split"`: none; one for each gate of each kernel. The full rank is that of one gate's
            matrix, and a rank may be a list of one rank a gate.
            `"all"`: everything; one for both kernels, which needs as many features as units.
            `"prabhavalkar"`: the recurrent kernel `P Z` and the input kernel `P Z'` of the next
            layer, after Prabhavalkar et al. (2016): this layer gives out `h P`, of width `rank`,
            and stores its own input kernel whole.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `(batch, units)`, or a list with that one tensor.
        mask: booleans `(batch, time)`; a masked step keeps the state.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank or `joint` that does not exist or does not fit the matrix.

    Example:

    >>> model = keras.Sequential([keras.Input((None, 40)), FactoredGRU(96, rank=0.25)])
    >>> model.predict(np.zeros((1, 98, 40)), verbose=0).shape
    (1, 96)
    """

    CELL = FactoredGRUCell
    PLAIN = keras.layers.GRU
