"""Windows of the last time steps, for cells that read several of them."""

from __future__ import annotations

from typing import Any

from keras import ops


def windows_of(sequences: Any, before: Any, mask: Any) -> tuple[Any, Any]:
    """Return for each time step the last inputs side by side, and those before the next call.

    Args:
        sequences: `(batch, time, features)`.
        before: the inputs before the first one, the oldest first, `(batch, n * features)`.
        mask: booleans `(batch, time)` or None. A step that is masked is in no window; what is
            returned for it means nothing.

    Returns:
        Windows `(batch, time, (n + 1) * features)`, and the last n inputs `(batch, n * features)`.
    """
    features = sequences.shape[-1]
    n = before.shape[-1] // features
    history = ops.reshape(ops.cast(before, sequences.dtype), (-1, n, features))
    taken = None
    if mask is not None:
        # What counts first, in its order: windows are of neighbours there.
        length = ops.shape(sequences)[1]
        steps = ops.arange(length)
        order = ops.argsort(ops.where(mask, steps, steps + length), axis=1)
        sequences = ops.take_along_axis(sequences, order[:, :, None], axis=1)
        taken = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    padded = ops.concatenate([history, sequences], axis=1)
    lags = [padded[:, i : i - n if i < n else None] for i in range(n + 1)]
    seen = ops.concatenate(lags, axis=-1)
    if taken is None:
        last = padded[:, -n:]
    else:
        seen = ops.take_along_axis(seen, ops.maximum(taken - 1, 0)[:, :, None], axis=1)
        rows = taken[:, -1:] + ops.arange(n, dtype="int32")
        last = ops.take_along_axis(padded, rows[:, :, None], axis=1)
    return seen, ops.reshape(last, (-1, n * features))
