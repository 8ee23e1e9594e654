"""UGRNN, the update gate recurrent network, with plain or factored kernels."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.layers.recurrent.gated_cell_options import GatedCellOptions
from tfpipeline.layers.recurrent.low_bit.normalized_cell import NormalizedCell
from tfpipeline.layers.recurrent.low_bit.normalized_layer import NormalizedLayer
from tfpipeline.layers.recurrent.products import StateProduct


@keras.saving.register_keras_serializable(package="tfpipeline")
class UGRNNCell(NormalizedCell, GatedCellOptions):
    """One step of an update gate recurrent network, with plain or factored kernels.

    ```
    z = sigmoid(x W_z + h U_z + b_z)
    n = tanh(x W_h + h U_h + b_h)
    h = z * h + (1 - z) * n
    ```

    Collins, Sohl-Dickstein and Sussillo (2017), "Capacity and Trainability in Recurrent Neural
    Networks", equation 5: a GRU without its reset gate. Gates lie in the order z, h.

    Args:
        units, activation, ..., seed: as in `keras.layers.GRUCell`, with its initial values.
        rank: None (default) for a plain input kernel; else `"full"`, an int, or a float in (0, 1]
            as a fraction of `min(features, 2 * units)`, rounded up.
        recurrent_rank: the same for the recurrent kernel; None takes `rank`.
        joint: which matrices share a factorization; see `FactoredGRU`.
        recurrent_weight_drop: share of the recurrent weights that are 0 while training; see
            `RecurrentCell`.
        weight_quantizer: a name or object of `tfpipeline.quantizers`, or None for full precision.
        normalization: of both products, a name or object of `tfpipeline.normalizations`, or None.
        activation_bits: 1 to 4, to multiply the state with so few bits; see `NormalizedCell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: `(batch, units)`, or a list with that one tensor.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank or `joint` that does not exist or does not fit the matrix.

    Example:

    >>> layer = keras.layers.RNN(UGRNNCell(16, rank=4))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    KIND = "ugrnn"

    def step(self, inputs: Any, states: list[Any], recurrent: StateProduct) -> list[Any]:
        (h,) = states
        z, n = recurrent.sums(inputs, h)
        z = self.recurrent_activation(z)
        return [z * h + (1 - z) * self.activation(n)]


@keras.saving.register_keras_serializable(package="tfpipeline")
class UGRNN(NormalizedLayer):
    """Update gate recurrent network: the layer of `UGRNNCell`.

    Args:
        units, activation, ..., joint: as in `UGRNNCell`.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in
            `keras.layers.GRU`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `(batch, units)`, or a list with that one tensor.
        mask: booleans `(batch, time)`; a masked step keeps the state.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank or `joint` that does not exist or does not fit the matrix.

    Example:

    >>> model = keras.Sequential([keras.Input((None, 40)), UGRNN(96, rank=0.25)])
    >>> model.predict(np.zeros((1, 98, 40)), verbose=0).shape
    (1, 96)
    """

    CELL = UGRNNCell
