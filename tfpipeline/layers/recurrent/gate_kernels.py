"""The two kernels of a recurrent cell, gates side by side, and the forms that store one.

Each form has the same methods: `factors()` for compression, `product()` for the whole kernel,
`prepare()` for one call, `assign(matrix)` to take over a whole kernel, and `arrays()` for export.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.factored.factored_kernel import FactoredKernel, product_pays
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
    """

    name: str
    argument: str
    shape: tuple[int, int]
    gates: tuple[str, ...]
    rank: Any
    initializer: Any = None
    regularizer: Any = None
    constraint: Any = None

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
        )


class GateKernels:
    """Both kernels of a cell.

    Args:
        layer: the cell, which gets their variables.
        kernel, recurrent: options of the input kernel and of the recurrent kernel.
        joint: which matrices share a factorization, see `FactoredGRU`; a rank of None with
            `"partial"` keeps a kernel whole.

    Attributes:
        input, state: one of the forms below for each kernel.
        count: number of the variables.
    """

    def __init__(
        self, layer: Any, kernel: KernelOptions, recurrent: KernelOptions, joint: str
    ) -> None:
        before = len(layer.weights)
        self.input: Any
        self.state: Any
        self._both: JointKernels | None = None
        if joint == "all":
            if kernel.shape != recurrent.shape:
                raise ValueError(
                    f"`joint` must not be 'all' for inputs of another width than the state: "
                    f"expected {recurrent.shape[0]} features, received {kernel.shape[0]}; use "
                    f"'partial'."
                )
            self._both = JointKernels(layer, kernel, recurrent)
            self.input, self.state = self._both.kernel, self._both.recurrent
        elif joint == "split":
            self.input, self.state = (SplitKernel(layer, o) for o in (kernel, recurrent))
        else:
            whole = joint == "prabhavalkar" or kernel.rank is None
            self.input = (WholeKernel if whole else PartialKernel)(layer, kernel)
            self.state = (WholeKernel if recurrent.rank is None else PartialKernel)(
                layer, recurrent
            )
        self.count = len(layer.weights) - before

    def assign(self, kernel: np.ndarray, recurrent: np.ndarray) -> None:
        """Take over whole kernels as their best approximations."""
        if self._both is not None:
            self._both.assign(kernel, recurrent)
        else:
            self.input.assign(kernel)
            self.state.assign(recurrent)


class WholeKernel:
    """A kernel that is not factored."""

    def __init__(self, layer: keras.layers.Layer, options: KernelOptions) -> None:
        self._gates = len(options.gates)
        self._kernel = layer.add_weight(
            name=options.name,
            shape=options.shape,
            initializer=options.initializer,
            regularizer=options.regularizer,
            constraint=options.constraint,
        )

    def factors(self) -> tuple[Factor, ...]:
        return ()

    def product(self) -> Any:
        return ops.convert_to_tensor(self._kernel)

    def prepare(self, steps: int | None = 1, in_loop: bool = False) -> PreparedKernel:
        return PreparedKernel((self.product(),), self._gates)

    def assign(self, matrix: np.ndarray) -> None:
        self._kernel.assign(matrix)

    def arrays(self) -> tuple[np.ndarray, ...]:
        return (ops.convert_to_numpy(self._kernel),)


class PartialKernel:
    """One factorization for all gates: `W = left right`."""

    def __init__(self, layer: keras.layers.Layer, options: KernelOptions) -> None:
        self._gates = len(options.gates)
        self.factored = options.factored(layer)

    def factors(self) -> tuple[Factor, ...]:
        return (self.factored.factor(),)

    def product(self) -> Any:
        return self.factored.product()

    def prepare(self, steps: int | None = 1, in_loop: bool = False) -> PreparedKernel:
        return PreparedKernel(self.factored.matrices(steps, in_loop), self._gates)

    def assign(self, matrix: np.ndarray) -> None:
        self.factored.assign(matrix)

    def arrays(self) -> tuple[np.ndarray, ...]:
        return tuple(ops.convert_to_numpy(v) for v in (self.factored.left, self.factored.right))


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
                initializer=_GateInitializer(options, index),
            ).factored(layer)
            for index, (letter, rank) in enumerate(zip(options.gates, ranks, strict=True))
        ]

    def factors(self) -> tuple[Factor, ...]:
        return tuple(replace(k.factor(), gate=gate) for gate, k in enumerate(self._kernels))

    def product(self) -> Any:
        return ops.concatenate([kernel.product() for kernel in self._kernels], axis=-1)

    def prepare(
        self, steps: int | None = 1, in_loop: bool = False
    ) -> PreparedKernel | PreparedSplit:
        if product_pays(self.factors(), steps, in_loop):
            return PreparedKernel((self.product(),), len(self._kernels))
        return PreparedSplit([(kernel.left, kernel.right) for kernel in self._kernels])

    def assign(self, matrix: np.ndarray) -> None:
        for kernel, part in zip(
            self._kernels, np.split(np.asarray(matrix), len(self._kernels), axis=1), strict=True
        ):
            kernel.assign(part)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """As two factors of the whole kernel, of which the right one is block-diagonal."""
        lefts = [ops.convert_to_numpy(kernel.left) for kernel in self._kernels]
        rights = [ops.convert_to_numpy(kernel.right) for kernel in self._kernels]
        return np.concatenate(lefts, axis=1), _block_diagonal(rights)


class JointKernels:
    """One factorization for inputs and state: `[W, U] = left [right_W, right_U]`."""

    def __init__(
        self, layer: keras.layers.Layer, kernel: KernelOptions, recurrent: KernelOptions
    ) -> None:
        rows, columns = kernel.shape
        both = replace(
            kernel,
            name="joint_kernel",
            shape=(rows, 2 * columns),
            initializer=_SideBySide(kernel, recurrent),
            regularizer=_the_one(kernel, recurrent, "regularizer"),
            constraint=_the_one(kernel, recurrent, "constraint"),
        )
        self.factored = both.factored(layer)
        self.kernel = _HalfKernel(self.factored, len(kernel.gates), slice(0, columns))
        self.recurrent = _HalfKernel(self.factored, len(kernel.gates), slice(columns, 2 * columns))

    def assign(self, kernel: np.ndarray, recurrent: np.ndarray) -> None:
        self.factored.assign(np.concatenate([kernel, recurrent], axis=1))


class _HalfKernel:
    """One of the two kernels of `JointKernels`, which owns the factors."""

    def __init__(self, joint: FactoredKernel, gates: int, columns: slice) -> None:
        self._joint = joint
        self._gates = gates
        self._columns = columns

    def _factors(self) -> tuple[Any, Any]:
        right = ops.convert_to_tensor(self._joint.right)
        return ops.convert_to_tensor(self._joint.left), right[:, self._columns]

    def factors(self) -> tuple[Factor, ...]:
        # The pair is named once, with the input kernel.
        return (self._joint.factor(),) if self._columns.start == 0 else ()

    def product(self) -> Any:
        return ops.matmul(*self._factors())

    def prepare(self, steps: int | None = 1, in_loop: bool = False) -> PreparedKernel:
        left, right = self._factors()
        if product_pays((Factor("", "", left, right),), steps, in_loop):
            return PreparedKernel((self.product(),), self._gates)
        return PreparedKernel((left, right), self._gates)

    def arrays(self) -> tuple[np.ndarray, ...]:
        return tuple(ops.convert_to_numpy(matrix) for matrix in self._factors())


class _GateInitializer:
    """The columns of one gate in the matrix of a kernel's initializer."""

    def __init__(self, options: KernelOptions, index: int) -> None:
        self._options = options
        self._index = index

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        whole = self._options.initializer(self._options.shape, dtype=dtype)
        return ops.split(whole, len(self._options.gates), axis=1)[self._index]


class _SideBySide:
    """The matrices of two initializers side by side."""

    def __init__(self, first: KernelOptions, second: KernelOptions) -> None:
        self._both = (first, second)

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        parts = [options.initializer(options.shape, dtype=dtype) for options in self._both]
        return ops.concatenate(parts, axis=1)


def _the_one(kernel: KernelOptions, recurrent: KernelOptions, what: str) -> Any:
    """What acts on the factors that both kernels share."""
    first, second = getattr(kernel, what), getattr(recurrent, what)
    if first is None or second is None:
        return second if first is None else first
    serialize = keras.saving.serialize_keras_object
    if serialize(first) != serialize(second):
        raise ValueError(
            f"`kernel_{what}` and `recurrent_{what}` must be equal with joint='all', where both "
            f"kernels share their factors; received {serialize(first)['config']} and "
            f"{serialize(second)['config']}: give one of them."
        )
    return first


def _block_diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    rows = sum(block.shape[0] for block in blocks)
    matrix = np.zeros((rows, sum(block.shape[1] for block in blocks)), blocks[0].dtype)
    row = column = 0
    for block in blocks:
        matrix[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return matrix
