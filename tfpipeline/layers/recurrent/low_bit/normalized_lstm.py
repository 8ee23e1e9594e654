"""Long short-term memory with quantized weights and normalized products."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.layers.recurrent.low_bit.normalized_layer import NormalizedLayer
from tfpipeline.layers.recurrent.low_bit.ternary_cell import TernaryCell
from tfpipeline.layers.recurrent.lstm_step import LSTMStep
from tfpipeline.normalizations import Steps, Weight


@keras.saving.register_keras_serializable(package="tfpipeline")
class NormalizedLSTMCell(LSTMStep, TernaryCell, keras.layers.LSTMCell):
    """One step of an LSTM with quantized weights and normalized products.

    With a quantizer Q and a normalization N, both of each gate by itself, gates in the order i, f,
    c, o:

    ```
    p = N(x Q(W)) + N(h Q(U)) + b
    c = sigmoid(p_f) * c + sigmoid(p_i) * tanh(p_c)
    h = sigmoid(p_o) * tanh(c)          or tanh(N(c)) with `normalize_cell`
    ```

    Hou et al. (2019), "Normalization Helps Training of Quantized LSTM", sections 3 and 4. Weights
    train in full precision, with the gradient of the quantized ones.

    Args:
        units, activation, ..., seed: as in `keras.layers.LSTMCell`.
        weight_quantizer: a name or object of `tfpipeline.quantizers`, or None for full precision.
            An input kernel of one feature stays in full precision.
        normalization: a name or object of `tfpipeline.normalizations`, or None.
        normalize_cell: whether the output sees c normalized too, by `"layer"` or statistics of
            batches, as in recurrent batch normalization (Cooijmans et al. 2016) and so in SBN and
            STN (Ardakani et al. 2019).
        activation_bits: 1 to 4, to multiply the state with so few bits; see `NormalizedCell`.
        rank, recurrent_rank, joint: of factored kernels, whose factors are quantized each; see
            `FactoredGRU`. None, the default, keeps plain kernels.

    Call arguments:
        inputs: `(batch, features)`.
        states: `[h, c]`, each `(batch, units)`; with `"batch_separate"` also the number of the time
            step `(batch, 2)`.
        training: whether dropout and random quantizers act, and batches give statistics.

    Raises:
        ValueError: for a name that does not exist, a rank that does not fit, and where a cell
            without its layer cannot train.

    Example:

    >>> layer = keras.layers.RNN(NormalizedLSTMCell(16))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    def __init__(self, *args: Any, normalize_cell: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.normalize_cell = bool(normalize_cell)
        if self.normalize_cell and (
            self.normalization is None or isinstance(self.normalization, Weight)
        ):
            given = None if self.normalization is None else "weight"
            raise ValueError(
                "`normalize_cell` normalizes a state, which has no weights: expected normalization="
                f"'layer', 'batch_shared' or 'batch_separate' with it, received {given!r}; give "
                "one of them, or leave `normalize_cell` out."
            )
        self._cell_normal: Any = None

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.normalize_cell:
            self._cell_normal = self.normalization.for_kernel(self, "cell", 1, self.units, None)

    def read_state(self, c: Any) -> Any:
        if not self.normalize_cell:
            return c
        constants = self._cell_normal.constants(None)
        exact = ops.cast(c, "float32")
        return ops.cast(self._cell_normal.apply(exact, constants, 1, self._steps.value), c.dtype)

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        if not (training and self.normalize_cell and self.takes_statistics):
            return super().call(inputs, states, training)
        # For the averages the loop gives c as well: see `statistics_of_batch`.
        _, new = super().call(inputs, [states[0][:, : self.units], *states[1:]], training)
        new = self.loop_states(new)
        return new[0], new

    def loop_states(self, states: Any) -> Any:
        if not self.normalize_cell:
            return states
        # Keras' loop takes an output for the first state, where a step is masked.
        return [ops.concatenate(states[:2], axis=-1), *states[1:]]

    def statistics_of_outputs(self, outputs: Any, steps: Steps) -> list[Any]:
        if not self.normalize_cell:
            return []
        states = ops.cast(outputs[..., self.units :], "float32")
        return [self._cell_normal.statistics(states, steps.weight)]

    def averages_of(self) -> tuple[Any, ...]:
        return (*super().averages_of(), self._cell_normal)

    def check_exportable(self) -> None:
        if self.normalize_cell:
            raise ValueError(
                "`normalize_cell` does not fold into weights, because c is carried on as it is: "
                "expected a layer without it, received True; train with normalize_cell=False to "
                "fold."
            )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "normalize_cell": self.normalize_cell}


@keras.saving.register_keras_serializable(package="tfpipeline")
class NormalizedLSTM(NormalizedLayer):
    """Long short-term memory of one, two or a few bits: the layer of `NormalizedLSTMCell`.

    Weights are quantized once a batch, and the products of the inputs normalized for all time steps
    at once. With a batch normalization it keeps moving averages of what it sees in training, and
    uses them at inference; `return_state` with `"batch_separate"` gives the number of the time step
    as a last state.

    Args:
        units, activation, ..., rank: as in `NormalizedLSTMCell`.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in
            `keras.layers.LSTM`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `[h, c]`, each `(batch, units)`.
        mask: booleans `(batch, time)`; a masked step keeps the state, and has no part in the
            statistics of a batch.
        training: whether dropout and random quantizers act, and batches give statistics.

    Raises:
        ValueError: for a name that does not exist, a rank that does not fit, a batch of one
            sequence in training with a batch normalization, and LAB or LAT in training without the
            second moments of Adam.

    Example:

    >>> layer = NormalizedLSTM(96, weight_quantizer="BWN", normalization="layer")
    >>> model = keras.Sequential([keras.Input((None, 40)), layer])
    >>> model.predict(np.zeros((1, 98, 40)), verbose=0).shape
    (1, 96)
    """

    CELL = NormalizedLSTMCell
