"""What a recurrent cell answers to compression and to its layer's export."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from keras import ops

from tfpipeline.layers.copying import take_over, with_own_objects
from tfpipeline.layers.factored.factored_kernel import check_built
from tfpipeline.layers.recurrent.gate_kernels import GateKernels
from tfpipeline.protocol import Factor

FACTOR_ARGUMENTS = ("rank", "recurrent_rank", "joint")
#: All that a cell of Keras has not.
OWN_ARGUMENTS = (*FACTOR_ARGUMENTS, "recurrent_weight_drop")


class CellProtocol:
    """The part of `RecurrentCell` that reads and writes weights, and computes nothing."""

    GATES: ClassVar[tuple[str, ...]]
    BIAS_ROWS: ClassVar[int]

    units: int
    joint: str
    bias: Any
    kernel: Any
    recurrent_kernel: Any
    bias_rows: Any
    features: Any
    _kernels: GateKernels

    def factors(self) -> tuple[Factor, ...]:
        """Return the factored matrices; see `tfpipeline.protocol`."""
        check_built(self, "factors()")
        state = self._kernels.state.factors()
        if self.joint == "prabhavalkar":
            return tuple(replace(factor, projects_output=True) for factor in state)
        return (
            *self._kernels.input.factors(),
            *(replace(factor, argument="recurrent_rank") for factor in state),
        )

    def with_ranks(self, **ranks: Any) -> Any:
        """Return a new, unbuilt cell of the same configuration with other ranks."""
        layer: Any = self
        return type(layer).from_config({**with_own_objects(layer.get_config(), layer), **ranks})

    def assign_kernels(self, kernel: Any, recurrent_kernel: Any) -> None:
        """Take over whole kernels as their best approximations of the cell's ranks."""
        matrices: list[Any] = [
            None if matrix is None else ops.convert_to_numpy(matrix)
            for matrix in (kernel, recurrent_kernel)
        ]
        self._kernels.assign(*matrices)

    def export_kernels(self) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """Return both kernels as one or two float32 arrays each, for `RecurrentStep`."""
        kernel, recurrent = (
            tuple(np.asarray(matrix, np.float32) for matrix in form.arrays())
            for form in (self._kernels.input, self._kernels.state)
        )
        return kernel, recurrent

    def export_bias(self) -> np.ndarray:
        """Return the bias for `RecurrentStep`, zeros where there is none."""
        bias = np.zeros((self.BIAS_ROWS, len(self.GATES) * self.units), np.float32)
        if self.bias is not None:
            value = np.asarray(ops.convert_to_numpy(self.bias), np.float32)
            bias[: self.bias_rows] = value
        return bias

    def export_attributes(self) -> dict[str, object]:
        """Return what belongs to this kind of cell only, for `RecurrentStep`."""
        return {}

    def plain_config(self) -> dict[str, Any]:
        """Return the configuration with plain kernels."""
        layer: Any = self
        config = with_own_objects(layer.get_config(), layer)
        for argument in ("kernel_regularizer", "recurrent_regularizer"):
            if hasattr(getattr(self, argument), "for_factor"):
                config[argument] = None
        return {**config, "rank": None, "recurrent_rank": None, "joint": "partial"}

    def collapse(self) -> Any:
        """Return the built cell that computes the same function with plain kernels."""
        layer: Any = self
        check_built(layer, "collapse()")
        plain = type(layer).from_config(self.plain_config())
        plain.build((None, self.features))
        plain.assign_kernels(self.kernel, self.recurrent_kernel)
        own = {weight.name: weight for weight in layer.weights}
        kernels = {id(weight) for weight in plain._kernels.variables}
        for target in plain.weights:
            if id(target) not in kernels:
                take_over(target, own[target.name])
        return plain
