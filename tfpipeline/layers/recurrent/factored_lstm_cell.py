"""An LSTM cell whose two kernels are products of low-rank factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.layers.recurrent.recurrent_cell import FactoredRecurrentCell


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredLSTMCell(FactoredRecurrentCell, keras.layers.LSTMCell):
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
        joint: which matrices share a factorization; see `FactoredLSTM`.

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

    GATES = ("i", "f", "c", "o")
    PLAIN = keras.layers.LSTMCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        *,
        rank: Rank | Sequence[Rank] = "full",
        recurrent_rank: Rank | Sequence[Rank] | None = None,
        joint: str = "partial",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.set_ranks(rank, recurrent_rank, joint)

    def add_bias(self) -> Any:
        if not self.use_bias:
            return None
        return self.add_weight(
            name="bias",
            shape=(4 * self.units,),
            initializer=self._start_bias if self.unit_forget_bias else self.bias_initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def _start_bias(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        """The forget gate starts open."""
        before, after = (self.units,), (2 * self.units,)
        return ops.concatenate(
            [
                self.bias_initializer(before, dtype=dtype),
                ops.ones((self.units,), dtype=dtype),
                self.bias_initializer(after, dtype=dtype),
            ]
        )

    def input_bias(self) -> Any:
        return self.bias

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        state, carry = states
        projected, recurrent = self.operands(inputs, training)
        masks = self.state_masks(state, training)
        if masks is None:
            gates = ops.split(projected + recurrent(state), 4, axis=-1)
        else:
            gates = [
                x + recurrent.gate(state * mask, gate)
                for gate, (x, mask) in enumerate(
                    zip(ops.split(projected, 4, axis=-1), masks, strict=True)
                )
            ]
        i, f, c, o = gates
        carry = self.recurrent_activation(f) * carry + self.recurrent_activation(
            i
        ) * self.activation(c)
        output = self.recurrent_activation(o) * self.activation(carry)
        return output, [output, carry]
