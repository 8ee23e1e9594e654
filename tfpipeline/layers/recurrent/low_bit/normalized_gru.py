"""The gated recurrent unit with quantized weights and normalized products."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.layers.recurrent.gru_step import GRUStep
from tfpipeline.layers.recurrent.low_bit.normalized_layer import NormalizedLayer
from tfpipeline.layers.recurrent.low_bit.ternary_cell import TernaryCell


@keras.saving.register_keras_serializable(package="tfpipeline")
class NormalizedGRUCell(GRUStep, TernaryCell, keras.layers.GRUCell):
    """One step of a GRU with quantized weights and normalized products.

    With a quantizer Q and a normalization N, both of each gate by itself, gates in the order z, r,
    h:

    ```
    p = N(x Q(W)) + b,    q = N(h Q(U)) + c
    z = sigmoid(p_z + q_z)      r = sigmoid(p_r + q_r)      n = tanh(p_n + r * q_n)
    h = z * h + (1 - z) * n
    ```

    The products of the state are normalized before the reset gate acts, so that each gate is what
    Hou et al. (2019) make of an LSTM's.

    Args:
        units, activation, ..., seed: as in `keras.layers.GRUCell`; `reset_after` must be True.
        weight_quantizer, normalization, ..., joint: as in `NormalizedLSTMCell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: `(batch, units)`, or a list with that one tensor; with `"batch_separate"` also the
            number of the time step `(batch, 2)`.
        training: whether dropout and random quantizers act, and batches give statistics.

    Raises:
        ValueError: for a name that does not exist, a rank that does not fit, `reset_after=False`,
            and where a cell without its layer cannot train.

    Example:

    >>> layer = keras.layers.RNN(NormalizedGRUCell(16))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.reset_after:
            raise ValueError(
                "`reset_after` must be True in a NormalizedGRU, which normalizes the products of "
                "the state before the reset gate acts; leave it out."
            )


@keras.saving.register_keras_serializable(package="tfpipeline")
class NormalizedGRU(NormalizedLayer):
    """Gated recurrent unit of one, two or a few bits: the layer of `NormalizedGRUCell`.

    `NormalizedLSTM` says how it runs.

    Args:
        units, activation, ..., rank: as in `NormalizedGRUCell`.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in
            `keras.layers.GRU`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `(batch, units)`, or a list with that one tensor.
        mask: booleans `(batch, time)`; a masked step keeps the state, and has no part in the
            statistics of a batch.
        training: whether dropout and random quantizers act, and batches give statistics.

    Raises:
        ValueError: as in `NormalizedLSTM`, and for `reset_after=False`.

    Example:

    >>> model = keras.Sequential([keras.Input((None, 40)), NormalizedGRU(96)])
    >>> model.predict(np.zeros((1, 98, 40)), verbose=0).shape
    (1, 96)
    """

    CELL = NormalizedGRUCell
