"""The equations of an LSTM, whatever its products are."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfpipeline.layers.recurrent.products import StateProduct


class LSTMStep:
    """Goes before `RecurrentCell` and `keras.layers.LSTMCell` among the bases of an LSTM's cell."""

    KIND = "lstm"

    units: int
    bias_initializer: Any
    unit_forget_bias: bool
    activation: Any
    recurrent_activation: Any

    def start_bias(self) -> Any:
        """Return the initializer of the bias, 1 for the forget gate if it is to begin open."""
        return self._with_open_forget_gate if self.unit_forget_bias else self.bias_initializer

    def _with_open_forget_gate(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        before, after = (self.units,), (2 * self.units,)
        return ops.concatenate(
            [
                self.bias_initializer(before, dtype=dtype),
                ops.ones((self.units,), dtype=dtype),
                self.bias_initializer(after, dtype=dtype),
            ]
        )

    def step(self, inputs: Any, states: list[Any], recurrent: StateProduct) -> list[Any]:
        """Return h and c."""
        h, c = states
        i, f, candidate, o = recurrent.sums(inputs, h)
        gate, activation = self.recurrent_activation, self.activation
        c = gate(f) * c + gate(i) * activation(candidate)
        return [gate(o) * activation(self.read_state(c)), c]

    def read_state(self, c: Any) -> Any:
        """Return the state of the cell as its output sees it."""
        return c
