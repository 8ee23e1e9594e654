"""What the pruning callbacks share: masks that stay on while a model trains."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.callbacks.inner_optimizer import stepping_optimizers
from tfpipeline.callbacks.restored_steps import RestoredSteps
from tfpipeline.layers.factored.named_factors import unique_names

Select = Callable[[Any], bool]


def is_kernel(variable: Any) -> bool:
    """Return whether a variable is a kernel: a matrix or more, and not a bias."""
    return len(variable.shape) > 1 and "kernel" in variable.name


def named_variables(model: keras.Model, select: Select = is_kernel) -> dict[str, Any]:
    """Return the trainable variables that `select` takes, by names that copies of a model share.

    It is the variable's path without the model's name, which differs between copies.
    """
    variables = model.trainable_variables
    names = unique_names(str(v.path).removeprefix(f"{model.name}/") for v in variables)
    return {name: v for name, v in zip(names, variables, strict=True) if select(v)}


class WeightMasks(keras.callbacks.Callback):
    """Zeroes weights after every optimizer step, by masks that a subclass updates.

    The masks act on the weights themselves, so that a saved or exported model has the zeros, and on
    their moving averages, which replace them at the end with `use_ema`. The epoch's logs get
    `"sparsity"`, the share of zeros in all masked weights. Steps count on through several `fit`
    calls with the same callback, and through one that `keras.callbacks.BackupAndRestore` resumes; a
    new callback that shall go on where another stopped otherwise takes its `state`. A warning says
    when training ends before the schedule does.

    Args:
        select: which trainable variables have masks; None takes every kernel.
    """

    def __init__(self, select: Select | None = None) -> None:
        super().__init__()
        self.select = select
        self.masks: dict[str, np.ndarray] = {}
        self._iteration = 0
        self._resumed = False
        self._begins = False
        self._restored = RestoredSteps()

    def unfinished(self, iteration: int) -> str | None:
        """Say what the schedule has not reached after `iteration` steps; None if all is done."""
        return None

    def update(self, iteration: int) -> None:
        """Change `masks` after `iteration` optimizer steps, where the schedule says so."""

    def variables(self) -> dict[str, Any]:
        """Return the variables that have masks, by name."""
        return named_variables(self.model, self.select or is_kernel)

    @property
    def state(self) -> dict[str, int]:
        """What a resumed run needs: `{"iteration": ...}`, the steps done."""
        return {"iteration": self._iteration}

    def load_state(self, state: dict[str, int]) -> None:
        """Go on from the `state` of another instance; what is zero in the model stays so."""
        if set(state) != {"iteration"}:
            raise ValueError(
                f"`state` must have the key 'iteration' only; received {sorted(state)}: take the "
                f"`state` of a {type(self).__name__}."
            )
        self._iteration = check_step(state["iteration"], "iteration")
        self.masks = {}
        self._resumed = True

    def sparsity(self) -> float:
        """Return the share of zeros in all masked weights."""
        values = [ops.convert_to_numpy(variable) for variable in self.variables().values()]
        return sum(int((v == 0).sum()) for v in values) / sum(v.size for v in values)

    def mask_by_threshold(self, threshold: Callable[[str, np.ndarray], float]) -> None:
        """Keep the weights whose magnitude reaches `threshold(name, magnitudes)`."""
        for name, variable in self.variables().items():
            magnitudes = np.abs(ops.convert_to_numpy(variable))
            self.masks[name] = magnitudes >= threshold(name, magnitudes)

    def mask_zeros(self) -> None:
        """Keep what is zero now."""
        for name, variable in self.variables().items():
            self.masks[name] = ops.convert_to_numpy(variable) != 0

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
        self._check_masks()
        self._begins = True

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self._restored.set_model(model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Not when training begins: a callback that comes later may still restore the weights.
        if not self._begins:
            return
        self._begins = False
        skipped = self._restored.skipped(self.model, self._iteration)
        if skipped:
            self._iteration += skipped
            self.masks = {}
            self._resumed = True
        if self._iteration == 0:
            self._update_and_apply()
        elif self._resumed:
            self.mask_zeros()
        self._resumed = False

    def _check_masks(self) -> None:
        for name, variable in self.variables().items():
            mask = self.masks.get(name)
            if mask is not None and mask.shape != tuple(variable.shape):
                raise ValueError(
                    f"{type(self).__name__} has masks of another model: expected {name!r} of shape "
                    f"{mask.shape}, received {tuple(variable.shape)}; use a new callback for this "
                    f"model."
                )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._iteration += 1
        self._update_and_apply()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs["sparsity"] = self.sparsity()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._apply()
        missing = self.unfinished(self._iteration)
        if missing:
            warnings.warn(
                f"{type(self).__name__} {missing}; the sparsity is {self.sparsity():.3f}: train "
                f"longer, give a shorter schedule, or go on with this callback.",
                stacklevel=2,
            )

    def _update_and_apply(self) -> None:
        if hasattr(self.model, "jax_state_sync"):
            # On JAX the variables lag behind the training state until they are asked for.
            self.model.jax_state_sync()
        self.update(self._iteration)
        self._apply()

    def _apply(self) -> None:
        averages = _averages(self.model.optimizer)
        for name, variable in self.variables().items():
            mask = self.masks.get(name)
            if mask is not None:
                for values in (variable, averages.get(id(variable))):
                    if values is not None:
                        values.assign(values * ops.cast(mask, values.dtype))


def _averages(optimizer: Any) -> dict[int, Any]:
    """Return the moving averages of the weights with `use_ema`, by the id of the variable."""
    return {
        id(variable): average
        for one in stepping_optimizers(optimizer)
        if getattr(one, "use_ema", False) and one.built
        for variable, average in zip(
            one._trainable_variables, one._model_variables_moving_average, strict=True
        )
    }


def check_step(value: Any, argument: str, least: int = 0) -> int:
    """Return `value` if it is an int of at least `least`."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{argument}` must be an int of at least {least}; received {value!r}.")
    return int(value)
