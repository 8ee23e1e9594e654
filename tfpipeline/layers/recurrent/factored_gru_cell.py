"""A GRU cell whose two kernels are products of low-rank factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.layers.recurrent.recurrent_cell import FactoredRecurrentCell


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredGRUCell(FactoredRecurrentCell, keras.layers.GRUCell):
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

    GATES = ("z", "r", "h")
    PLAIN = keras.layers.GRUCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
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
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            reset_after=reset_after,
            seed=seed,
            **kwargs,
        )
        self.set_ranks(rank, recurrent_rank, joint)

    def add_bias(self) -> Any:
        if not self.use_bias:
            return None
        gates = 3 * self.units
        return self.add_weight(
            name="bias",
            shape=(2, gates) if self.reset_after else (gates,),
            initializer=self.bias_initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def input_bias(self) -> Any:
        return self.bias[0] if self.bias is not None and self.reset_after else self.bias

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        nested = isinstance(states, (list, tuple))
        state = states[0] if nested else states
        projected, recurrent = self.operands(inputs, training)
        x_z, x_r, x_n = ops.split(projected, 3, axis=-1)

        masks = self.state_masks(state, training)
        bias = self.bias[1] if self.bias is not None and self.reset_after else None
        if masks is None and self.reset_after:
            inner = recurrent(state)
            if bias is not None:
                inner = inner + bias
            h_z, h_r, h_n = ops.split(inner, 3, axis=-1)
            z = self.recurrent_activation(x_z + h_z)
            r = self.recurrent_activation(x_r + h_r)
            candidate = r * h_n
        else:
            biases = [None] * 3 if bias is None else ops.split(bias, 3, axis=-1)

            def inner_gate(h: Any, gate: int) -> Any:
                part = recurrent.gate(h if masks is None else h * masks[gate], gate)
                return part if biases[gate] is None else part + biases[gate]

            z = self.recurrent_activation(x_z + inner_gate(state, 0))
            r = self.recurrent_activation(x_r + inner_gate(state, 1))
            candidate = r * inner_gate(state, 2) if self.reset_after else inner_gate(r * state, 2)
        n = self.activation(x_n + candidate)
        output = z * state + (1 - z) * n
        return output, [output] if nested else output
