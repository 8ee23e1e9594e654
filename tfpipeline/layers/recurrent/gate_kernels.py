"""The two kernels of a recurrent cell, and the form in which both share their factors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.factored.factored_kernel import FactoredKernel, product_pays
from tfpipeline.layers.recurrent.kernel_forms import (
    KernelOptions,
    NoKernel,
    PartialKernel,
    SplitKernel,
    WholeKernel,
)
from tfpipeline.layers.recurrent.products import PreparedKernel
from tfpipeline.protocol import Factor


class GateKernels:
    """Both kernels of a cell.

    Args:
        layer: the cell, which gets their variables.
        kernel, recurrent: options of the input kernel and of the recurrent kernel, which is None in
            a cell without one.
        joint: which matrices share a factorization, see `FactoredGRU`; a rank of None with
            `"partial"` keeps a kernel whole.

    Attributes:
        input, state: a form of `kernel_forms`, or a half of `JointKernels`, for each kernel.
        variables: what both are made of.
    """

    def __init__(
        self, layer: Any, kernel: KernelOptions, recurrent: KernelOptions | None, joint: str
    ) -> None:
        before = {id(weight) for weight in layer.weights}
        self.input: Any
        self.state: Any
        self._both: JointKernels | None = None
        if recurrent is None:
            form: Any = SplitKernel if joint == "split" else PartialKernel
            self.input = (WholeKernel if kernel.rank is None else form)(layer, kernel)
            self.state = NoKernel()
        elif joint == "all":
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
        self.variables = [weight for weight in layer.weights if id(weight) not in before]

    def assign(self, kernel: np.ndarray, recurrent: Any) -> None:
        """Take over whole kernels as their best approximations."""
        if self._both is not None:
            self._both.assign(kernel, recurrent)
        else:
            self.input.assign(kernel)
            self.state.assign(recurrent)


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
            gates=(*kernel.gates, *recurrent.gates),
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
        left, right = self._joint.values()
        return left, right[:, self._columns]

    def factors(self) -> tuple[Factor, ...]:
        # The pair is named once, with the input kernel.
        return (self._joint.factor(),) if self._columns.start == 0 else ()

    def product(self) -> Any:
        return ops.matmul(*self._factors())

    def start(self) -> Any:
        return self._joint.start()[:, self._columns]

    def prepare(self, steps: int | None = 1, in_loop: bool = False) -> PreparedKernel:
        left, right = self._factors()
        if product_pays((Factor("", "", left, right),), steps, in_loop):
            return PreparedKernel((self.product(),), self._gates)
        return PreparedKernel((left, right), self._gates)

    def arrays(self) -> tuple[np.ndarray, ...]:
        return tuple(ops.convert_to_numpy(matrix) for matrix in self._factors())


class _SideBySide:
    """The matrices of two initializers side by side."""

    def __init__(self, first: KernelOptions, second: KernelOptions) -> None:
        self._both = (first, second)

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        parts = [options.initializer(options.shape, dtype=dtype) for options in self._both]
        return ops.concatenate(parts, axis=1)


def _the_one(kernel: KernelOptions, recurrent: KernelOptions, what: str) -> Any:
    """Return what acts on the factors that both kernels share."""
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
