"""A GRU cell whose two kernels are products of low-rank factors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from tfpipeline.layers.export_protocol import Factor
from tfpipeline.layers.factored_kernel import (
    FactoredKernel,
    Rank,
    apply_matrices,
    check_joint,
    check_rank,
)


class _Prepared:
    """Matrices of one call of the layer; a plain object, so that Keras does not track it."""

    def __init__(self, recurrent: tuple[Any, ...]) -> None:
        self.recurrent = recurrent


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredGRUCell(keras.layers.GRUCell):
    """One step of a GRU with factored kernels.

    With `W = W_left W_right` and `U = U_left U_right`, gates side by side in the order z, r, h:

    ```
    z = sigmoid(x W_z + h U_z + b_z)      r = sigmoid(x W_r + h U_r + b_r)
    n = tanh(x W_n + b_n + r * (h U_n + c_n))
    h = z * h + (1 - z) * n
    ```

    This is `keras.layers.GRUCell` (Cho et al. 2014, reset after the product) with the partially
    joint factorization of Kliegl et al. (2018), section 2.3. The factors start from the balanced
    singular value split of the initializer's matrix, so that full rank starts as Keras' own cell.

    Args:
        units, activation, ..., seed: as in `keras.layers.GRUCell`. Regularizers and constraints of
            the kernels act on each of the two factors.
        rank: rank of the input kernel: `"full"`, an int, or a float in (0, 1] as a fraction of
            `min(features, 3 * units)`, rounded up.
        recurrent_rank: the same for the recurrent kernel; None takes `rank`.
        joint: `"partial"`: one factorization per kernel.

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
        rank: Rank = "full",
        recurrent_rank: Rank | None = None,
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
        self.rank = check_rank(rank, "rank")
        self.recurrent_rank = (
            None if recurrent_rank is None else check_rank(recurrent_rank, "recurrent_rank")
        )
        self.joint = check_joint(joint)
        self._prepared: _Prepared | None = None

    def build(self, input_shape: Any) -> None:
        gates = 3 * self.units
        self._input_kernel = FactoredKernel(
            self,
            "kernel",
            "rank",
            (int(input_shape[-1]), gates),
            self.rank,
            self.kernel_initializer,
            self.kernel_regularizer,
            self.kernel_constraint,
        )
        self._state_kernel = FactoredKernel(
            self,
            "recurrent_kernel",
            "rank" if self.recurrent_rank is None else "recurrent_rank",
            (self.units, gates),
            self.rank if self.recurrent_rank is None else self.recurrent_rank,
            self.recurrent_initializer,
            self.recurrent_regularizer,
            self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(2, gates) if self.reset_after else (gates,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True

    @property
    def kernel(self) -> Any:
        """Input kernel `(features, 3 * units)`, multiplied out."""
        return self._input_kernel.product()

    @property
    def recurrent_kernel(self) -> Any:
        """Recurrent kernel `(units, 3 * units)`, multiplied out."""
        return self._state_kernel.product()

    def factors(self) -> tuple[Factor, ...]:
        """The two factored kernels; see `export_protocol`."""
        state = self._state_kernel.factor()
        return (
            self._input_kernel.factor(),
            Factor(state.name, "recurrent_rank", state.left, state.right),
        )

    def with_ranks(self, **ranks: int) -> FactoredGRUCell:
        """A new, unbuilt cell of the same configuration with other ranks."""
        return type(self).from_config({**self.get_config(), **ranks})

    def collapse(self) -> keras.layers.GRUCell:
        """The built `keras.layers.GRUCell` that computes the same function."""
        config = self.get_config()
        for argument in ("rank", "recurrent_rank", "joint"):
            del config[argument]
        for argument in ("kernel_regularizer", "recurrent_regularizer"):
            if hasattr(getattr(self, argument), "for_factor"):
                config[argument] = None
        plain = keras.layers.GRUCell.from_config(config)
        plain.build((None, self._input_kernel.factor().shape[0]))
        plain.kernel.assign(self.kernel)
        plain.recurrent_kernel.assign(self.recurrent_kernel)
        if self.bias is not None:
            plain.bias.assign(self.bias)
        return plain

    @contextmanager
    def prepared(self, steps: int | None) -> Iterator[None]:
        """Inside, `call` takes inputs already projected and a recurrent kernel multiplied once.

        Like Keras' dropout masks, the matrices are kept on the cell for one call of the layer.
        """
        self._prepared = _Prepared(self._state_kernel.matrices(steps, in_loop=True))
        try:
            yield
        finally:
            self._prepared = None

    def project_inputs(self, inputs: Any, training: bool = False, steps: int | None = 1) -> Any:
        """`x W + b` for all gates, `(..., features)` to `(..., 3 * units)`."""
        matrices = self._input_kernel.matrices(steps)
        mask = self.get_dropout_mask(_first_step(inputs)) if training and self.dropout else None
        if isinstance(mask, list):  # recurrent dropout: one mask a gate, as in Keras
            *shared, last = matrices
            parts = [
                ops.matmul(apply_matrices(inputs * _over_time(m, inputs), tuple(shared)), gate)
                for m, gate in zip(mask, ops.split(last, 3, axis=-1), strict=True)
            ]
            projected = ops.concatenate(parts, axis=-1)
        else:
            if mask is not None:
                inputs = inputs * _over_time(mask, inputs)
            projected = apply_matrices(inputs, matrices)
        if self.bias is None:
            return projected
        return projected + (self.bias[0] if self.reset_after else self.bias)

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        nested = isinstance(states, (list, tuple))
        state = states[0] if nested else states
        if self._prepared is None:
            projected = self.project_inputs(inputs, training)
            recurrent = self._state_kernel.matrices()
        else:
            projected, recurrent = inputs, self._prepared.recurrent
        x_z, x_r, x_n = ops.split(projected, 3, axis=-1)

        mask = None
        if training and self.recurrent_dropout:
            mask = self.get_recurrent_dropout_mask(state)
        bias = self.bias[1] if self.bias is not None and self.reset_after else None
        if mask is None and self.reset_after:
            inner = apply_matrices(state, recurrent)
            if bias is not None:
                inner = inner + bias
            h_z, h_r, h_n = ops.split(inner, 3, axis=-1)
            z = self.recurrent_activation(x_z + h_z)
            r = self.recurrent_activation(x_r + h_r)
            candidate = r * h_n
        else:
            *shared, last = recurrent
            lasts = ops.split(last, 3, axis=-1)
            biases = [None] * 3 if bias is None else ops.split(bias, 3, axis=-1)

            def inner_gate(h: Any, gate: int) -> Any:
                h = h if mask is None else h * mask[gate]
                part = ops.matmul(apply_matrices(h, tuple(shared)), lasts[gate])
                return part if biases[gate] is None else part + biases[gate]

            z = self.recurrent_activation(x_z + inner_gate(state, 0))
            r = self.recurrent_activation(x_r + inner_gate(state, 1))
            candidate = r * inner_gate(state, 2) if self.reset_after else inner_gate(r * state, 2)
        n = self.activation(x_n + candidate)
        output = z * state + (1 - z) * n
        return output, [output] if nested else output

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rank": self.rank,
            "recurrent_rank": self.recurrent_rank,
            "joint": self.joint,
        }


def _first_step(inputs: Any) -> Any:
    return inputs[:, 0, :] if len(inputs.shape) == 3 else inputs


def _over_time(mask: Any, inputs: Any) -> Any:
    return ops.expand_dims(mask, axis=1) if len(inputs.shape) == 3 else mask
