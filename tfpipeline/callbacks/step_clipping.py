"""Steps of the optimizer that are no longer than a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfpipeline.callbacks.inner_optimizer import stepping_optimizers
from tfpipeline.quantizers import SBN


class StepClipping(keras.callbacks.Callback):
    """Clips what each step adds to the weights that `SBN` quantizes to -W0..W0 of their kernel.

    Ardakani et al. (2019), "Learning Recurrent Binary/Ternary Weights", in the binary mode of the
    authors' code: the steps are clipped, not the weights. It acts inside the optimizer's step while
    `fit` runs. Callbacks that act there too, such as `LearningRateMultipliers`, go before it.

    Raises:
        ValueError: when training begins on a model without weights of `SBN`.

    Example:

    >>> model.fit(x, y, callbacks=[StepClipping()])
    """

    def limits(self, model: keras.Model) -> dict[int, float]:
        """Return the limit of each variable that has one, by the variable's id."""
        return {
            id(variable): layer.weight_quantizer.scale(variable.shape)
            for layer in model._flatten_layers(include_self=False)
            if isinstance(getattr(layer, "weight_quantizer", None), SBN)
            for variable in getattr(getattr(layer, "quantized", None), "variables", ())
        }

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        limits = self.limits(self.model)
        if not limits:
            raise ValueError(
                "StepClipping found no weights of SBN in the model; expected a layer with "
                "weight_quantizer='SBN'; leave the callback out."
            )
        for optimizer in stepping_optimizers(self.model.optimizer):
            _restore(optimizer)  # an interrupted fit has left its own behind
            optimizer.update_step = _ClippedSteps(optimizer, limits)
        self.model.make_train_function(force=True)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for optimizer in stepping_optimizers(self.model.optimizer):
            _restore(optimizer)
        self.model.make_train_function(force=True)


class _ClippedSteps:
    """The `update_step` of an optimizer, shortened for variables that have a limit."""

    def __init__(self, optimizer: Any, limits: Mapping[int, float]) -> None:
        self.step = optimizer.update_step
        self._optimizer = optimizer
        self._limits = limits

    def __call__(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        optimizer = self._optimizer
        # TensorFlow hands its own variables over, not those of Keras.
        own = optimizer._trainable_variables[optimizer._get_variable_index(variable)]
        limit = self._limits.get(id(own))
        before = ops.copy(ops.convert_to_tensor(variable))
        self.step(gradient, variable, learning_rate)
        if limit is not None:
            change = ops.convert_to_tensor(variable) - before
            optimizer.assign(variable, before + ops.clip(change, -limit, limit))


def _restore(optimizer: Any) -> None:
    ours = optimizer.__dict__.get("update_step")
    if isinstance(ours, _ClippedSteps):
        del optimizer.update_step
        if optimizer.update_step != ours.step:
            optimizer.update_step = ours.step  # that of another callback
