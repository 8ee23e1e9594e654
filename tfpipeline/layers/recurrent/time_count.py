"""The number of a time step as a state, which any compute dtype holds exactly."""

from __future__ import annotations

from typing import Any

from keras import ops

#: Width of the state: digits of the number, the low one first.
DIGITS = 2
# bfloat16 has all whole numbers up to 256.
_BASE = 256


def number_of(state: Any) -> Any:
    """Return the number `(batch,)` as int32 of the state `(batch, 2)`."""
    digits = ops.cast(state, "int32")
    return digits[:, 0] + _BASE * digits[:, 1]


def next_count(state: Any) -> Any:
    """Return the state of the next time step."""
    low, high = state[:, :1] + 1, state[:, 1:]
    carry = ops.cast(low >= _BASE, low.dtype)
    return ops.concatenate([low * (1 - carry), ops.minimum(high + carry, _BASE - 1)], axis=-1)
