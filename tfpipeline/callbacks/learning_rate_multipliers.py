"""Learning rates of their own for single factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tfpipeline.arguments import is_number
from tfpipeline.layers.export_protocol import named_factors


class LearningRateMultipliers(keras.callbacks.Callback):
    """Multiplies the learning rate of chosen factored matrices while `fit` runs.

    Kliegl et al. (2018), appendix B.2: factored recurrent matrices want a much lower rate than
    non-recurrent ones. It acts inside the optimizer's step, so also on those that divide the
    gradient by its size, such as Adam, and leaves nothing behind in the model once `fit` has
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
        """The multiplier of each variable of a model that has one, by the variable's id."""
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
        optimizer = _inner(self.model.optimizer)
        # An interrupted fit has left its own behind.
        optimizer.__dict__.pop("update_step", None)
        step = optimizer.update_step

        def scaled_step(gradient: Any, variable: Any, learning_rate: Any) -> Any:
            # TensorFlow hands its own variables over, not those of Keras.
            own = optimizer._trainable_variables[optimizer._get_variable_index(variable)]
            return step(gradient, variable, learning_rate * multipliers.get(id(own), 1.0))

        optimizer.update_step = scaled_step
        self._trace_again()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        _inner(self.model.optimizer).__dict__.pop("update_step", None)
        self._trace_again()

    def _trace_again(self) -> None:
        # A step that was compiled before would not see the change.
        self.model.make_train_function(force=True)


def _inner(optimizer: Any) -> Any:
    """The optimizer that steps, which LossScaleOptimizer wraps."""
    return getattr(optimizer, "inner_optimizer", optimizer)
