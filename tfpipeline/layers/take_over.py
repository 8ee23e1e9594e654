"""Values that go from one variable to another."""

from __future__ import annotations

from typing import Any

from keras import ops


def take_over(target: Any, source: Any) -> None:
    """Assigns the value of `source` as an array of its own.

    On JAX the two would otherwise hold the same array, and training either frees it for both.
    """
    target.assign(ops.copy(ops.convert_to_tensor(source)))
