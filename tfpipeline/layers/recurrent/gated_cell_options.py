"""The arguments of a cell with gates that Keras has not."""

from __future__ import annotations

from typing import Any

import keras


class GatedCellOptions(keras.layers.SimpleRNNCell):
    """The Keras cell among the bases of a cell with gates that Keras has not.

    Of `SimpleRNNCell` it has the arguments, the state and the dropout masks, which Keras' loop
    knows; it adds the activation of the gates.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        **options: Any,
    ) -> None:
        super().__init__(units, activation, **options)
        self.recurrent_activation = keras.activations.get(recurrent_activation)

    def get_config(self) -> dict[str, Any]:
        activation = keras.activations.serialize(self.recurrent_activation)
        return {**super().get_config(), "recurrent_activation": activation}
