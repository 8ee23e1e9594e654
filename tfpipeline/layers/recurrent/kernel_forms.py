"""The forms in which a recurrent cell stores one kernel, gates side by side.

Each form has the same methods: `factors()` for compression, `product()` for the whole kernel,
`prepare()` for one call, `assign(matrix)` to take over a whole kernel, `arrays()` for export, and
`start()` for the whole kernel as its variables start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.factored.factored_kernel import (
    FactoredKernel,
    Read,
    as_it_is,
    product_pays,
)
from tfpipeline.layers.recurrent.products import PreparedKernel, PreparedSplit
from tfpipeline.protocol import Factor


@dataclass(frozen=True)
class KernelOptions:
    """What a cell says about one of its kernels.

    Args:
        name: `"kernel"` or `"recurrent_kernel"`.
        argument: the cell's argument that sets the rank.
        shape: `(rows, gates * units)`.
        gates: one letter a gate, in order.
        rank, initializer, regularizer, constraint: as given by the user.
        read: see `FactoredKernel`.
    """

    name: str
    argument: str
    shape: tuple[int, int]
    gates: tuple[str, ...]
    rank: Any
    initializer: Any = None
    regularizer: Any = None
    constraint: Any = None
    read: Read | None = None

    def factored(self, layer: keras.layers.Layer) -> FactoredKernel:
        return FactoredKernel(
            layer,
            self.name,
            self.argument,
            self.shape,
            self.rank,
            self.initializer,
            self.regularizer,
            self.constraint,
            self.read,
            len(self.gates),
        )


class NoKernel:
    """The recurrent kernel of a cell that does not multiply its state."""

    def factors(self) -> tuple[Factor, ...]:
        return ()

    def product(self) -> None:
        return None

    def prepare(self, steps: int | None = 1, in_loop: bool = False) -> NoKernel:
        return self

    def assign(self, matrix: Any) -> None:
        pass

    def arrays(self) -> tuple[np.ndarray, ...]:
        return ()


class WholeKernel:
    """A kernel that is not factored."""

    def __init__(self, layer: keras.layers.Layer, options: KernelOptions) -> None:
        self._gates = len(options.gates)
        self._options = options
        self._kernel = layer.add_weight(
            name=options.name,
            shape=options.shape,
            initializer=options.initializer,
            regularizer=options.regularizer,
            constraint=options.constraint,
            autocast=options.read is None,
        )

    def factors(self) -> tuple[Factor, ...]:
        return ()

    def product(self) -> Any:
        return (self._options.read or as_it_is)(self._kernel, self._gates)

    def start(self) -> Any:
        return self._options.initializer(self._options.shape, dtype="float32")

    def prepare(self, steps: int | None = 1, in_loop: bool = False) -> PreparedKernel:
        return PreparedKernel((self.product(),), self._gates)

    def assign(self, matrix: np.ndarray) -> None:
        self._kernel.assign(matrix)

    def arrays(self) -> tuple[np.ndarray, ...]:
        return (ops.convert_to_numpy(self.product()),)


class PartialKernel:
    """One factorization for all gates: `W = left right`."""

    def __init__(self, layer: keras.layers.Layer, options: KernelOptions) -> None:
        self._gates = len(options.gates)
        self.factored = options.factored(layer)

    def factors(self) -> tuple[Factor, ...]:
        return (self.factored.factor(),)

    def product(self) -> Any:
        return self.factored.product()

    def start(self) -> Any:
        return self.factored.start()

    def prepare(self, steps: int | None = 1, in_loop: bool = False) -> PreparedKernel:
        return PreparedKernel(self.factored.matrices(steps, in_loop), self._gates)

    def assign(self, matrix: np.ndarray) -> None:
        self.factored.assign(matrix)

    def arrays(self) -> tuple[np.ndarray, ...]:
        return tuple(ops.convert_to_numpy(factor) for factor in self.factored.values())


class SplitKernel:
    """One factorization a gate: `W = [left_z right_z, left_r right_r, ...]`."""

    def __init__(self, layer: keras.layers.Layer, options: KernelOptions) -> None:
        rows, columns = options.shape
        units = columns // len(options.gates)
        ranks = options.rank
        if not isinstance(ranks, list):
            ranks = [ranks] * len(options.gates)
        self._kernels = [
            replace(
                options,
                name=f"{options.name}_{letter}",
                shape=(rows, units),
                rank=rank,
                gates=(letter,),
                initializer=_GateInitializer(options, index),
            ).factored(layer)
            for index, (letter, rank) in enumerate(zip(options.gates, ranks, strict=True))
        ]

    def factors(self) -> tuple[Factor, ...]:
        return tuple(replace(k.factor(), gate=gate) for gate, k in enumerate(self._kernels))

    def product(self) -> Any:
        return ops.concatenate([kernel.product() for kernel in self._kernels], axis=-1)

    def start(self) -> Any:
        return ops.concatenate([kernel.start() for kernel in self._kernels], axis=-1)

    def prepare(
        self, steps: int | None = 1, in_loop: bool = False
    ) -> PreparedKernel | PreparedSplit:
        if len(self._kernels) == 1:
            return PreparedKernel(self._kernels[0].matrices(steps, in_loop), 1)
        if product_pays(self.factors(), steps, in_loop):
            return PreparedKernel((self.product(),), len(self._kernels))
        return PreparedSplit([kernel.values() for kernel in self._kernels])

    def assign(self, matrix: np.ndarray) -> None:
        for kernel, part in zip(
            self._kernels, np.split(np.asarray(matrix), len(self._kernels), axis=1), strict=True
        ):
            kernel.assign(part)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return two factors of the whole kernel, of which the right one is block-diagonal."""
        factors = [tuple(map(ops.convert_to_numpy, kernel.values())) for kernel in self._kernels]
        lefts, rights = zip(*factors, strict=True)
        return np.concatenate(lefts, axis=1), _block_diagonal(rights)


class _GateInitializer:
    """The columns of one gate in the matrix of a kernel's initializer."""

    def __init__(self, options: KernelOptions, index: int) -> None:
        self._options = options
        self._index = index

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        whole = self._options.initializer(self._options.shape, dtype=dtype)
        return ops.split(whole, len(self._options.gates), axis=1)[self._index]


def _block_diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    rows = sum(block.shape[0] for block in blocks)
    matrix = np.zeros((rows, sum(block.shape[1] for block in blocks)), blocks[0].dtype)
    row = column = 0
    for block in blocks:
        matrix[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return matrix
