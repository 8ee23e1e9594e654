"""The arrays of numbers that a model consists of."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One array of a model.

    Args:
        name: `"<layer>/<array>"`.
        shape: as Keras has it.
        density: share of its numbers that are not 0, from 0 to 1.
        matrix: whether it is a matrix, and no bias, scale or scalar.
        looked_up: whether entries are picked from it, and none multiplied: a table of embeddings,
            or a map of ids. A file has it as Keras does.
        bits: of an entry that is an integer already, such as those of a map; None for numbers that
            a formula says the width of.
    """

    name: str
    shape: tuple[int, ...]
    density: float = 1.0
    matrix: bool = True
    looked_up: bool = False
    bits: int | None = None

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def nonzero(self) -> int:
        """How many of them are not 0, rounded up."""
        # A share like 0.3 is no binary fraction: 0.3 of 1600 is 480, and not 481.
        return math.ceil(round(self.density * self.size, 6))
