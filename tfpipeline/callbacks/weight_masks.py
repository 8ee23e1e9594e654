"""What the pruning callbacks share: masks that stay on while a model trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

Select = Callable[[Any], bool]


def is_kernel(variable: Any) -> bool:
    """Whether a variable is a kernel: a matrix or more, and not a bias."""
    return len(variable.shape) > 1 and "kernel" in variable.name


def name_in(model: keras.Model, variable: Any) -> str:
    """The variable's path without the model's name, which differs between copies of a model."""
    return str(variable.path).removeprefix(f"{model.name}/")


class WeightMasks(keras.callbacks.Callback):
    """Zeroes weights after every optimizer step, by masks that a subclass updates.

    The masks act on the weights themselves, so that a saved or exported model has the zeros. The
    epoch's logs get `"sparsity"`, the share of zeros in all masked weights.

    Args:
        select: which trainable variables have masks; None takes every kernel.
    """

    def __init__(self, select: Select | None = None) -> None:
        super().__init__()
        self.select = select
        self.masks: dict[str, np.ndarray] = {}
        self._iteration = 0

    def update(self, iteration: int) -> None:
        """Changes `masks` after `iteration` optimizer steps, where the schedule says so."""

    def variables(self) -> list[Any]:
        """The variables that have masks."""
        select = is_kernel if self.select is None else self.select
        return [v for v in self.model.trainable_variables if select(v)]

    def sparsity(self) -> float:
        """Share of zeros in all masked weights."""
        values = [ops.convert_to_numpy(variable) for variable in self.variables()]
        return sum(int((v == 0).sum()) for v in values) / sum(v.size for v in values)

    def mask_by_threshold(self, threshold: Callable[[str, np.ndarray], float]) -> None:
        """Keeps the weights whose magnitude reaches `threshold(name, magnitudes)`."""
        for variable in self.variables():
            magnitudes = np.abs(ops.convert_to_numpy(variable))
            name = name_in(self.model, variable)
            self.masks[name] = magnitudes >= threshold(name, magnitudes)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self.variables():
            raise ValueError(
                f"{type(self).__name__} found no kernel to prune in the model; expected trainable "
                "variables that `select` takes."
            )
        if getattr(self.model, "steps_per_execution", 1) != 1:
            raise ValueError(
                f"{type(self).__name__} acts after every step: compile the model with "
                f"steps_per_execution=1; received {self.model.steps_per_execution}."
            )
        if self._iteration == 0:
            self._update_and_apply()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._iteration += 1
        self._update_and_apply()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs["sparsity"] = self.sparsity()

    def _update_and_apply(self) -> None:
        if hasattr(self.model, "jax_state_sync"):
            # On JAX the variables lag behind the training state until they are asked for.
            self.model.jax_state_sync()
        self.update(self._iteration)
        for variable in self.variables():
            mask = self.masks.get(name_in(self.model, variable))
            if mask is not None:
                variable.assign(variable * ops.cast(mask, variable.dtype))


def check_step(value: Any, argument: str, least: int = 0) -> int:
    """Returns `value` if it is an int of at least `least`."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{argument}` must be an int of at least {least}; received {value!r}.")
    return int(value)
