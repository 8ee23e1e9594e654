"""What a layer keeps for one call of it, in each thread for itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Value = TypeVar("Value")


class PerThread(Generic[Value]):
    """A value that each thread sets for itself.

    The replicas of `tf.distribute` are traced by threads that take turns wherever a variable is
    assigned, such as the seed of a random quantizer.

    Args:
        default: the value where nothing is set.
    """

    def __init__(self, default: Value) -> None:
        self._default = default
        self._values: dict[int, Value] = {}

    @property
    def value(self) -> Value:
        """The value in this thread."""
        return self._values.get(threading.get_ident(), self._default)

    @contextmanager
    def being(self, value: Value) -> Iterator[None]:
        """Inside, it is this value; then again what it was."""
        thread = threading.get_ident()
        before = self.value
        self._values[thread] = value
        try:
            yield
        finally:
            if before is self._default:
                del self._values[thread]
            else:
                self._values[thread] = before
