"""A float model as the converter writes it, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FloatTensor:
    """A tensor of a float graph: its name, shape, and value when it is a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    data: np.ndarray | None = field(repr=False, default=None)


@dataclass(frozen=True)
class FloatOperator:
    """An operator of a float graph; `custom` is the name of a custom op, else None."""

    code: str
    custom: str | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any
    custom_options: bytes
    version: int


@dataclass(frozen=True)
class FloatGraph:
    """The one subgraph of a converted float model, in execution order."""

    tensors: tuple[FloatTensor, ...]
    operators: tuple[FloatOperator, ...]
    inputs: dict[str, int]
    outputs: dict[str, int]

    def is_constant(self, index: int) -> bool:
        return index < 0 or self.tensors[index].data is not None

    def producer(self, index: int) -> int | None:
        """Return the position of the operator that writes tensor `index`, or None for an input."""
        for position, operator in enumerate(self.operators):
            if index in operator.outputs:
                return position
        return None
