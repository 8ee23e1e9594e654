"""The equations of a GRU, whatever its products are."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.layers.recurrent.products import StateProduct


class GRUStep:
    """Goes before `RecurrentCell` and `keras.layers.GRUCell` among the bases of a GRU's cell."""

    KIND = "gru"

    reset_after: bool
    activation: Any
    recurrent_activation: Any

    @property
    def bias_rows(self) -> int:
        """Rows of the bias: with `reset_after` one of the state as well."""
        return 2 if self.reset_after else 1

    def export_attributes(self) -> dict[str, object]:
        """Return what belongs to a GRU only, for `RecurrentStep`."""
        return {"reset_after": self.reset_after}

    def step(self, inputs: Any, states: list[Any], recurrent: StateProduct) -> list[Any]:
        """Return h."""
        (h,) = states
        x_z, x_r, x_n = keras.ops.split(inputs, 3, axis=-1)
        if self.reset_after:
            h_z, h_r, h_n = recurrent.gates(h)
        else:
            h_z, h_r = recurrent.gate(h, 0), recurrent.gate(h, 1)
        z = self.recurrent_activation(x_z + h_z)
        r = self.recurrent_activation(x_r + h_r)
        n = self.activation(x_n + (r * h_n if self.reset_after else recurrent.gate(r * h, 2)))
        return [z * h + (1 - z) * n]
