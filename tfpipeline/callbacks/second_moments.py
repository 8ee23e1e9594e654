"""Hands the second moments of Adam to quantizers that weigh weights by them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from tfpipeline.callbacks.inner_optimizer import stepping_optimizers

_KINDS = (keras.optimizers.Adam, keras.optimizers.Nadam)


class SecondMoments(keras.callbacks.Callback):
    """Copies the optimizer's second moments to cells with LAB or LAT, after every step.

    Hou et al. (2017) take them for the curvature of the loss. Before the first step they are 1.
    They are weights of the layer, so that a saved model quantizes as the trained one.

    Raises:
        ValueError: at the beginning of `fit`, where the optimizer is neither Adam nor Nadam, where
            nothing asks for second moments, or where several steps are one execution.

    Example:

    >>> model.compile("adam", "mse")
    >>> model.fit(x, y, callbacks=[tfpipeline.callbacks.SecondMoments()])
    """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        cells = list(_weighing(self.model))
        if not cells:
            raise ValueError(
                "SecondMoments found nothing that weighs by second moments; expected a layer with "
                "weight_quantizer='LAB' or 'LAT'; leave the callback out."
            )
        steps = getattr(self.model, "steps_per_execution", 1)
        if steps != 1:
            raise ValueError(
                "SecondMoments acts after every step: compile the model with "
                f"steps_per_execution=1; received {steps}."
            )
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        owners = {
            id(variable): one
            for one in stepping_optimizers(self.model.optimizer)
            for variable in one._trainable_variables
        }
        self._pairs: list[tuple[Any, Any]] = []
        for cell in cells:
            for variable, moment in cell.quantized.second_moments():
                if not variable.trainable:
                    continue
                optimizer = owners.get(id(variable))
                if not isinstance(optimizer, _KINDS):
                    raise ValueError(
                        f"weight_quantizer={type(cell.weight_quantizer).__name__!r} weighs weights "
                        "by the second moments of Adam: expected keras.optimizers.Adam, AdamW or "
                        f"Nadam; received {type(optimizer).__name__}: compile the model with one "
                        "of them, or use 'BWN' or 'TWN'."
                    )
                index = optimizer._get_variable_index(variable)
                self._pairs.append((optimizer._velocities[index], moment))
            cell.quantized.moments_come = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if hasattr(self.model, "jax_state_sync"):
            # On JAX the variables lag behind the training state until they are asked for.
            self.model.jax_state_sync()
        for velocity, moment in self._pairs:
            moment.assign(ops.copy(ops.convert_to_tensor(velocity)))


def _weighing(model: Any) -> Iterator[Any]:
    """Yield the cells of a model that ask for second moments."""
    for layer in model._flatten_layers(include_self=False):
        quantized = getattr(layer, "quantized", None)
        if quantized is not None and quantized.second_moments():
            yield layer
