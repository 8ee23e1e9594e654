"""What the pruning callbacks share: masks that stay on while a model trains."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.callbacks.inner_optimizer import stepping_optimizers, steps_done
from tfpipeline.callbacks.masked_steps import Rule, add_rule, remove_rules, slots_of
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
    """Zeroes weights in every optimizer step, by masks that a subclass updates.

    The masks act in the graph of the step: on the weights themselves, so that a saved or exported
    model has the zeros; on their moving averages, which replace them at the end with `use_ema`; and
    on the optimizer's moments. The epoch's logs get `"sparsity"`, the share of zeros in all masked
    weights. Steps count on through several `fit` calls with the same callback, and through one that
    `keras.callbacks.BackupAndRestore` resumes; a new callback that shall go on where another
    stopped otherwise takes its `state`. A warning says when training ends before the schedule does.

    In the graph a weight is masked if it is exactly zero and the optimizer has no moments of it: so
    checkpoints have all that a resumed run needs. An interrupted `fit` leaves the masks in force
    until the next one with a callback of this kind.

    Args:
        select: which trainable variables have masks; None takes every kernel.
    """

    def __init__(self, select: Select | None = None) -> None:
        super().__init__()
        self.select = select
        self.masks: dict[str, np.ndarray] = {}
        self._iteration = 0
        self._offset = 0  # the optimizer's count where this one begins
        self._resumed = False
        self._begins = False
        self._trains = False
        self._restored = RestoredSteps()

    def unfinished(self, iteration: int) -> str | None:
        """Say what the schedule has not reached after `iteration` steps; None if all is done."""
        return None

    def updates_at(self, iteration: int) -> bool:
        """Return whether `update` changes masks after `iteration` steps."""
        return iteration == 0

    def first_update(self) -> int | None:
        """Return the steps before the first masks; None where training begins with them."""
        return None

    def update(self, iteration: int) -> None:
        """Change `masks` after `iteration` optimizer steps, where `updates_at` says so."""

    def rule(self, name: str, variable: Any) -> Rule:
        """Return what masks a variable in the graph, between two updates."""
        first = self.first_update()
        if self.masks or first is None:
            return lambda _, values, support: support
        return lambda done, values, support: ops.logical_or(support, done <= first)

    def variables(self) -> dict[str, Any]:
        """Return the variables that have masks, by name."""
        return named_variables(self.model, self.select or is_kernel)

    @property
    def state(self) -> dict[str, int]:
        """What a resumed run needs: `{"iteration": ...}`, the steps done."""
        if self._trains:
            self._sync()
            self._count()
        return {"iteration": self._iteration}

    def load_state(self, state: dict[str, int]) -> None:
        """Go on from the `state` of another instance; what is zero in the model stays so."""
        if set(state) != set(self.state):
            raise ValueError(
                f"`state` must have the key {' and '.join(map(repr, self.state))} only; received "
                f"{sorted(state)}: take the `state` of a {type(self).__name__}."
            )
        self._iteration = check_step(state["iteration"], "iteration")
        self.masks = {}
        self._resumed = True
        self._trains = False

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
        steps = getattr(self.model, "steps_per_execution", 1)
        if steps != 1 and self.first_update() is not None:
            raise ValueError(
                f"{type(self).__name__} acts after every step: compile the model with "
                f"steps_per_execution=1; received {steps}."
            )
        self._check_masks()
        self._begins = True
        self._remove_rules(None)  # an interrupted fit has left its own behind

    def set_model(self, model: keras.Model) -> None:
        if self._trains:  # interrupted: the epoch's end has not counted its steps
            self._count()
        self._trains = False
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
        self._start()
        self._resumed = False
        self._add_rules()
        self._trains = True

    def _start(self) -> None:
        """Mask what is to be masked before the first step of this `fit`."""
        if self._iteration == 0:
            self._update_and_apply()
        elif self._resumed:
            self.mask_zeros()
            self._apply()

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
        if self.first_update() is None:
            return
        self._iteration += 1
        if self.updates_at(self._iteration):
            begins = not self.masks
            self._update_and_apply()
            if begins and steps_done(self.model.optimizer) - self._offset != self._iteration:
                self._add_rules()  # loss scaling left out steps, which the graph does not count

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._count()
        if logs is not None:
            logs["sparsity"] = self.sparsity()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._count()
        self._trains = False
        self._apply()
        self._remove_rules(self)
        missing = self.unfinished(self._iteration)
        if missing:
            warnings.warn(
                f"{type(self).__name__} {missing}; the sparsity is {self.sparsity():.3f}: train "
                f"longer, give a shorter schedule, or go on with this callback.",
                stacklevel=2,
            )

    def _count(self) -> None:
        """Take the steps done over from the optimizer, where no update waits for each of them."""
        if self.first_update() is None:
            self._iteration = steps_done(self.model.optimizer) - self._offset

    def _sync(self) -> None:
        if hasattr(self.model, "jax_state_sync"):
            # On JAX the variables lag behind the training state until they are asked for.
            self.model.jax_state_sync()

    def _update_and_apply(self) -> None:
        self._sync()
        self.update(self._iteration)
        self._apply()

    def _apply(self) -> None:
        owners = self._optimizers()
        for name, variable in self.variables().items():
            mask = self.masks.get(name)
            if mask is None:
                continue
            parts = [(variable, 0.0)]
            if id(variable) in owners:
                parts += slots_of(owners[id(variable)], variable)
            for part, start in parts:
                values = ops.convert_to_tensor(part)
                part.assign(ops.where(mask, values, ops.full_like(values, start)))

    def _optimizers(self) -> dict[int, Any]:
        """Return the optimizer that steps each variable, by the variable's id."""
        return {
            id(variable): one
            for one in stepping_optimizers(self.model.optimizer)
            if one.built
            for variable in one._trainable_variables
        }

    def _add_rules(self) -> None:
        self._remove_rules(self)
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self._offset = steps_done(self.model.optimizer) - self._iteration
        owners = self._optimizers()
        for name, variable in self.variables().items():
            optimizer = owners[id(variable)]
            rule, offset = self.rule(name, variable), steps_done(optimizer) - self._iteration
            add_rule(self, optimizer, variable, rule, offset)
        self.model.make_train_function(force=True)

    def _remove_rules(self, owner: Any) -> None:
        removed = [remove_rules(owner, one) for one in stepping_optimizers(self.model.optimizer)]
        if any(removed):
            # A step that was compiled before would not see the change.
            self.model.make_train_function(force=True)


def check_step(value: Any, argument: str, least: int = 0) -> int:
    """Return `value` if it is an int of at least `least`."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{argument}` must be an int of at least {least}; received {value!r}.")
    return int(value)
