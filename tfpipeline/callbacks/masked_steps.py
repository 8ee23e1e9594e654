"""Masks that act inside an optimizer's step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

# (steps done with this one, values after the step, support before it) -> which values stay
Rule = Callable[[Any, Any, Any], Any]

_NO_SLOTS = ("_variables", "_trainable_variables", "_accumulated_gradients")


class MaskedSteps:
    """The `update_step` of an optimizer, and then a mask on the variable and its slots.

    Slots are the optimizer's moments and moving averages. Where the mask is False a weight becomes
    zero and its slots start anew, all in the graph of the training step, on every replica.

    The support, which is what masks go on from, needs no variables of its own, so that checkpoints
    have it: a weight is outside of it if it is zero and none of its slots knows a past.
    """

    def __init__(self, optimizer: Any) -> None:
        # (owner, variable's id, rule, offset)
        self.rules: list[tuple[Any, int, Rule, int]] = []
        self.step = optimizer.update_step
        self._optimizer = optimizer

    def __call__(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        optimizer = self._optimizer
        # TensorFlow hands its own variables over, not those of Keras, and of one replica each.
        own = optimizer._trainable_variables[optimizer._get_variable_index(variable)]
        rules = [(rule, offset) for _, key, rule, offset in self.rules if key == id(own)]
        if not rules:
            self.step(gradient, variable, learning_rate)
            return
        slots = list(slots_of(optimizer, own))
        support = ops.not_equal(ops.convert_to_tensor(variable), 0)
        for slot, start in slots:
            support = ops.logical_or(support, ops.not_equal(ops.convert_to_tensor(slot), start))
        self.step(gradient, variable, learning_rate)
        values = ops.convert_to_tensor(variable)
        if own.constraint is not None:
            # Keras does the same after the step, which is too late to choose what is kept.
            values = own.constraint(values)
        mask: Any = None
        for rule, offset in rules:
            kept = rule(optimizer._iterations + 1 - offset, values, support)
            mask = kept if mask is None else ops.logical_and(mask, kept)
        optimizer.assign(variable, ops.where(mask, values, ops.zeros_like(values)))
        for slot, start in slots:
            state = ops.convert_to_tensor(slot)
            optimizer.assign(slot, ops.where(mask, state, ops.full_like(state, start)))


def slots_of(optimizer: Any, variable: Any) -> Iterator[tuple[Any, float]]:
    """Yield the optimizer's variables that follow each weight of `variable`, and how they start.

    Those are moments, accumulators and moving averages; not sums of gradients, which wait for the
    next step.
    """
    index = optimizer._get_variable_index(variable)
    for name, kind in list(vars(optimizer).items()):
        if name in _NO_SLOTS or not isinstance(kind, list):
            continue
        if len(kind) != len(optimizer._trainable_variables):
            continue
        slot = kind[index]
        if isinstance(slot, keras.Variable) and tuple(slot.shape) == tuple(variable.shape):
            # Adagrad and Ftrl divide by accumulators that must not be zero.
            start = optimizer.initial_accumulator_value if name == "_accumulators" else 0.0
            yield slot, float(start)


def add_rule(owner: Any, optimizer: Any, variable: Any, rule: Rule, offset: int) -> None:
    """Let `rule` mask a variable after each step of its optimizer.

    Args:
        owner: whose rule it is.
        optimizer: one that steps, and is built.
        variable: one of its variables.
        rule: gets the steps done, counted from 1 at the first.
        offset: the optimizer's count where the rule's begins.
    """
    masked = optimizer.update_step
    if not isinstance(masked, MaskedSteps):
        masked = MaskedSteps(optimizer)
        optimizer.update_step = masked
    masked.rules.append((owner, id(variable), rule, offset))


def remove_rules(owner: Any, optimizer: Any) -> bool:
    """Take the rules of an owner, or with None all, off; return whether there were any."""
    masked = optimizer.__dict__.get("update_step")
    if not isinstance(masked, MaskedSteps):
        return False
    before = len(masked.rules)
    masked.rules = [] if owner is None else [one for one in masked.rules if one[0] is not owner]
    if not masked.rules:
        del optimizer.update_step
        if optimizer.update_step != masked.step:
            optimizer.update_step = masked.step  # that of LearningRateMultipliers
    return len(masked.rules) < before
