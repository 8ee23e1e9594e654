"""The moving averages of batch normalizations after a loop over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras import ops

from tfpipeline.normalizations import Steps


def statistics_of_batch(
    cell: Any, outputs: Any, initial: Any, steps: Steps
) -> list[tuple[Any, Any, Any, Any]]:
    """Return what moves the averages of inputs, state and outputs: arguments of `Batch.update`.

    The loop cannot hand them out of every backend, so those of the state are taken again, from the
    states that it went through and with the same weights and masks of dropout: one product for all
    time steps, without a gradient.

    Args:
        cell: prepared, as in the loop.
        outputs: `(batch, time, ...)` of the loop, units first, those of masked steps being what
            came before.
        initial: the first state `(batch, units)`.
        steps: `weight` `(batch, time, 1)` or None; `time` `(batch,)` of the first steps or None;
            `seen` has the statistics of the inputs, of all gates or one gate after another.
    """
    outputs = ops.stop_gradient(outputs)
    states = _states_before(outputs[..., : cell.units], initial, steps.weight)
    seen_of_state = cell.statistics_of_states(states, initial, replace(steps, time=None))
    first = 0 if steps.time is None else ops.max(steps.time)
    share = _share(outputs, steps.weight)
    found = []
    of_outputs = cell.statistics_of_outputs(outputs, steps)
    for statistics in (steps.seen, seen_of_state, *([of_outputs] if of_outputs else [])):
        mean, variance = (
            ops.concatenate(list(parts), axis=-1)[0]
            for parts in zip(*statistics or (), strict=True)
        )
        found.append((mean, variance, share, first))
    return found


def _states_before(outputs: Any, initial: Any, weight: Any) -> Any:
    """Return the state that every step began with."""
    initial = ops.cast(initial, outputs.dtype)[:, None]
    if weight is not None:
        # Nothing came before the first step that is not masked.
        begun = ops.cumsum(weight, axis=1) > 0
        outputs = ops.where(begun, outputs, initial)
    return ops.concatenate([initial, outputs[:, :-1]], axis=1)


def _share(outputs: Any, weight: Any) -> Any:
    """Return 1 for each step with two sequences or more, else 0."""
    batch, time = ops.shape(outputs)[:2]
    if weight is not None:
        return ops.cast(ops.sum(weight[..., 0], axis=0) > 1.5, "float32")
    return ops.ones((time,), "float32") * ops.cast(ops.convert_to_tensor(batch) > 1, "float32")
