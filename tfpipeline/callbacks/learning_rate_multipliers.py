"""Learning rates of their own for single factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tfpipeline.arguments import is_number
from tfpipeline.callbacks.inner_optimizer import stepping_optimizers
from tfpipeline.layers.factored.named_factors import named_factors


class LearningRateMultipliers(keras.callbacks.Callback):
    """Multiplies the learning rate of chosen factored matrices while `fit` runs.

    Kliegl et al. (2018), appendix B.2: factored recurrent matrices want a much lower rate than
    non-recurrent ones. It acts inside the optimizer's step, so also on those that divide the
    gradient by its size, such as Adam, and on decoupled weight decay, which the learning rate
    scales as well. What has the factor 0 takes part in no step: it stays as it is under every
    optimizer, weight decay and constraint. It leaves nothing behind in the model once `fit` has
    ended; an interrupted one leaves the factors in force until the next `fit` with this callback.

    Args:
        multipliers: factor of the learning rate by name: of a matrix in one layer
            (`"gru_1/recurrent_kernel"`), of a matrix in all layers (`"recurrent_kernel"`), or of
            one factor (`"recurrent_kernel_left"`). The first name that fits a variable counts.

    Raises:
        ValueError: for a negative factor, or a name that fits nothing in the model.

    Example:

    >>> model.fit(x, y, callbacks=[LearningRateMultipliers({"recurrent_kernel": 0.1})])
    """

    def __init__(self, multipliers: Mapping[str, float]) -> None:
        super().__init__()
        if not isinstance(multipliers, Mapping):
            raise ValueError(
                f"`multipliers` must be a dict from names to numbers, such as "
                f"{{'recurrent_kernel': 0.1}}; received {multipliers!r}."
            )
        for name, value in multipliers.items():
            if not is_number(value) or value < 0:
                raise ValueError(
                    f"`multipliers` must be numbers that are not negative; received "
                    f"{name!r}: {value!r}."
                )
        self.multipliers = dict(multipliers)

    def by_variable(self, model: keras.Model) -> dict[int, float]:
        """Return the multiplier of each variable of a model that has one, by the variable's id."""
        result: dict[int, float] = {}
        used: set[str] = set()
        names: list[str] = []
        for name, _, factor in named_factors(model):
            names += [name, factor.name]
            for variable in (factor.left, factor.right):
                names.append(variable.name)
                for key, value in self.multipliers.items():
                    if key in (name, factor.name, variable.name):
                        result.setdefault(id(variable), value)
                        used.add(key)
        unknown = sorted(set(self.multipliers) - used)
        if unknown:
            raise ValueError(
                f"`multipliers` names {', '.join(map(repr, unknown))}; expected one of "
                f"{', '.join(map(repr, dict.fromkeys(names)))}."
            )
        return result

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        multipliers = self.by_variable(self.model)
        for optimizer in stepping_optimizers(self.model.optimizer):
            _restore(optimizer)  # an interrupted fit has left its own behind
            _scale(optimizer, multipliers)
        self._trace_again()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for optimizer in stepping_optimizers(self.model.optimizer):
            _restore(optimizer)
        self._trace_again()

    def _trace_again(self) -> None:
        # A step that was compiled before would not see the change.
        self.model.make_train_function(force=True)


_METHODS = ("update_step", "_apply_weight_decay", "_overwrite_variables_directly_with_gradients")
_DECAYS = ("weight_decay", "adam_weight_decay")


def _restore(optimizer: Any) -> None:
    for name in _METHODS:
        optimizer.__dict__.pop(name, None)


def _scale(optimizer: Any, multipliers: Mapping[int, float]) -> None:
    """Put methods in front of the optimizer's own that know the multipliers."""
    step, decay, overwrite = (getattr(optimizer, name) for name in _METHODS)
    decays = {
        name: getattr(optimizer, name)
        for name in _DECAYS
        if getattr(optimizer, name, None) is not None
    }

    def multiplier(variable: Any) -> float:
        # TensorFlow hands its own variables over, not those of Keras.
        own = optimizer._trainable_variables[optimizer._get_variable_index(variable)]
        return multipliers.get(id(own), 1.0)

    def without_frozen(gradients: Any, variables: Any) -> tuple[list[Any], list[Any]]:
        pairs = [
            (gradient, variable)
            for gradient, variable in zip(*overwrite(gradients, variables), strict=True)
            if multiplier(variable)
        ]
        return [gradient for gradient, _ in pairs], [variable for _, variable in pairs]

    def scaled_step(gradient: Any, variable: Any, learning_rate: Any) -> Any:
        factor = multiplier(variable)
        return step(gradient, variable, learning_rate * factor) if factor else None

    def scaled_decay(variables: Any) -> None:
        groups: dict[float, list[Any]] = {}
        for variable in variables:
            groups.setdefault(multiplier(variable), []).append(variable)
        try:
            for factor, group in groups.items():
                if factor:
                    for name, value in decays.items():
                        setattr(optimizer, name, value * factor)
                    decay(group)
        finally:
            for name, value in decays.items():
                setattr(optimizer, name, value)

    for name, method in zip(_METHODS, (scaled_step, scaled_decay, without_frozen), strict=True):
        setattr(optimizer, name, method)
