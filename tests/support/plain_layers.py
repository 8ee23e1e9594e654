"""Layers that Keras has not, once more: plain kernels, and the papers' equations at every step.

They stand beside ours where a layer of Keras stands beside a factored one.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class PlainCell(keras.layers.SimpleRNNCell):
    """Weights, dropout and state of a cell whose equations a subclass has in `mix`."""

    matrices = biases = 1
    numbers: tuple[str, ...] = ()

    def __init__(self, units: int, recurrent_activation: Any = "sigmoid", **options: Any) -> None:
        self.values = {name: options.pop(name) for name in self.numbers if name in options}
        super().__init__(units, **options)
        self.gate = keras.activations.get(recurrent_activation)

    def build(self, input_shape: Any) -> None:
        columns = self.matrices * self.units
        self.kernel = self.add_weight(
            shape=(input_shape[-1], columns), initializer=self.kernel_initializer
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, columns), initializer=self.recurrent_initializer
        )
        many = max(self.matrices, self.biases)
        if self.use_bias:
            shape = (self.biases, self.units) if self.biases > 1 else (columns,)
            bias = self.add_weight(shape=shape, initializer=self.bias_initializer)
            self.bias = ops.split(ops.reshape(bias, (-1,)), many)
        else:
            self.bias = [0.0] * many

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h = states[0] if isinstance(states, (list, tuple)) else states
        x, state = inputs, h
        if training and self.dropout:
            x = x * self.get_dropout_mask(x)
        if training and self.recurrent_dropout:
            state = state * self.get_recurrent_dropout_mask(state)
        p = ops.matmul(x, self.kernel) + ops.matmul(state, self.recurrent_kernel)
        h = self.mix(p, h)
        return h, [h]

    def mix(self, p: Any, h: Any) -> Any:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        gate = keras.activations.serialize(self.gate)
        return {**super().get_config(), **self.values, "recurrent_activation": gate}


@keras.saving.register_keras_serializable(package="tests")
class PlainFastRNNCell(PlainCell):
    """Kusupati et al. 2018, equations 1 and 2, at the initial alpha and beta."""

    def mix(self, p: Any, h: Any) -> Any:
        alpha, beta = ops.sigmoid(-3.0), ops.sigmoid(3.0)
        return alpha * self.activation(p + self.bias[0]) + beta * h


@keras.saving.register_keras_serializable(package="tests")
class PlainVectorFastRNNCell(PlainCell):
    """The same with a vector alpha, from appendix G, and a limit of 0.6."""

    numbers = ("vector_alpha", "h_clip", "alpha_init")

    def mix(self, p: Any, h: Any) -> Any:
        alpha = ops.sigmoid(ops.full((self.units,), self.values["alpha_init"]))
        beta = ops.sigmoid(1.0) * (1 - alpha) + ops.sigmoid(-4.0)
        h = alpha * self.activation(p + self.bias[0]) + beta * h
        return ops.maximum(ops.minimum(h, self.values["h_clip"]), -self.values["h_clip"])


@keras.saving.register_keras_serializable(package="tests")
class PlainFastGRNNCell(PlainCell):
    """Kusupati et al. 2018, equation 4, at the initial zeta and nu."""

    biases = 2

    def mix(self, p: Any, h: Any) -> Any:
        z = self.gate(p + self.bias[0])
        candidate = self.activation(p + self.bias[1])
        return (ops.sigmoid(1.0) * (1 - z) + ops.sigmoid(-4.0)) * candidate + z * h


@keras.saving.register_keras_serializable(package="tests")
class PlainFilteredFastGRNNCell(PlainFastGRNNCell):
    """The same with the filter of Comfi-FastGRNN at its initial gamma and lambda."""

    numbers = ("state_filter",)

    def mix(self, p: Any, h: Any) -> Any:
        return 0.999 * super().mix(p, h)


@keras.saving.register_keras_serializable(package="tests")
class PlainUGRNNCell(PlainCell):
    """Collins et al. 2017, equation 5."""

    matrices = 2

    def mix(self, p: Any, h: Any) -> Any:
        p_z, p_h = ops.split(p, 2, axis=-1)
        z = self.gate(p_z + self.bias[0])
        return z * h + (1 - z) * self.activation(p_h + self.bias[1])


_LOOP = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")
_OTHERS = ("zero_output_for_mask", "name")


def plain_layer(cell: type[PlainCell], units: int, **options: Any) -> Any:
    """The layer of a plain cell, with the options of both as one of ours has them."""
    loop = {name: options.pop(name) for name in (*_LOOP, *_OTHERS) if name in options}
    return keras.layers.RNN(cell(units, **options), **loop)
