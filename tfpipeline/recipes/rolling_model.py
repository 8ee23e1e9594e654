"""Trains a model on streams: its states go on from batch to batch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.recipes.carried_states import carried, recurrent_layers

FEATURES, KEEP = "features", "keep"


@keras.saving.register_keras_serializable(package="tfpipeline")
class RollingModel(keras.Model):
    """A model whose recurrent layers start each batch where the last one ended.

    A model that is trained on single clips always starts from a fresh state, and on a device never
    does. Here a batch has a fixed number of *lanes*, each of them a stream: lane i of a batch is
    what follows lane i of the batch before it. Gradients stay within a batch, and so does what
    layers that are not recurrent see. It shares the layers of `model`, whose weights it trains:

        rolling = RollingModel(model, lanes=64)
        rolling.compile("adam", loss)
        rolling.fit(RollingBatches(batches, max_steps=2000), validation_data=(x, y), shuffle=False)
        model.save("kws.keras")

    Args:
        model: built, with `keras.layers.RNN` layers that run forwards.
        lanes: streams side by side.
        every_frame: put out what the model says at every time step, where it says only one thing at
            the end of a sequence; layers behind the recurrent ones must take a time axis.

    Call arguments:
        inputs: `{"features": (lanes, time, ...), "keep": (lanes,)}`, where `keep` is 0 for a lane
            whose stream begins with this batch and 1 for one that goes on; or the features alone,
            of any batch size, each of which begins anew: this is how validation data come.

    Raises:
        ValueError: a model that is not built, or that cannot go on.
    """

    def __init__(
        self, model: keras.Model, lanes: int, every_frame: bool = False, name: str | None = None
    ) -> None:
        super().__init__(name=name or f"rolling_{model.name}")
        if not model.built:
            raise ValueError("`model` must be built; call it on data, or give it a keras.Input.")
        if isinstance(lanes, bool) or not isinstance(lanes, int) or lanes < 1:
            raise ValueError(f"`lanes` must be a positive whole number; received {lanes!r}.")
        self.model = model
        self.lanes = lanes
        self.every_frame = every_frame
        self._recurrent = recurrent_layers(model)
        # Weights of this model, so that every backend carries them on within `fit`.
        self._lane_states = [
            [
                self.add_weight(
                    shape=tuple(state.shape),
                    initializer="zeros",
                    trainable=False,
                    dtype=layer.variable_dtype,
                    name=f"{layer.name}_state_{number}",
                )
                for number, state in enumerate(layer.get_initial_state(lanes))
            ]
            for layer in self._recurrent
        ]
        self.reset_lanes()
        self.built = True

    def reset_lanes(self) -> None:
        """Let all streams begin anew."""
        for layer, states in zip(self._recurrent, self._lane_states, strict=True):
            for variable, value in zip(states, layer.get_initial_state(self.lanes), strict=True):
                variable.assign(value)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not isinstance(inputs, dict) or KEEP not in inputs:
            return self.model(inputs, training=training)
        self._begin(inputs[KEEP])
        with carried(self._recurrent, self._lane_states, self.every_frame):
            return self.model(inputs[FEATURES], training=training)

    def _begin(self, keep: Any) -> None:
        flags = ops.cast(keep, "bool")
        for layer, states in zip(self._recurrent, self._lane_states, strict=True):
            for variable, value in zip(states, layer.get_initial_state(self.lanes), strict=True):
                goes_on = ops.reshape(flags, (self.lanes, *[1] * (len(variable.shape) - 1)))
                variable.assign(ops.where(goes_on, variable.value, ops.cast(value, variable.dtype)))

    def get_config(self) -> dict[str, Any]:
        return {
            "model": keras.saving.serialize_keras_object(self.model),
            "lanes": self.lanes,
            "every_frame": self.every_frame,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> RollingModel:
        model = keras.saving.deserialize_keras_object(config["model"], custom_objects)
        return cls(**{**config, "model": model})
