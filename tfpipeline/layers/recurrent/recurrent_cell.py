"""What the factored GRU and LSTM cells share: their kernels, ranks and protocols."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from keras import ops

from tfpipeline.layers.copying import take_over, with_own_objects
from tfpipeline.layers.factored.factored_kernel import check_built, factored_config
from tfpipeline.layers.factored.ranks import check_forms, check_ranks, resolve_rank
from tfpipeline.layers.recurrent.gate_kernels import (
    JointKernels,
    KernelOptions,
    PartialKernel,
    SplitKernel,
    WholeKernel,
)
from tfpipeline.layers.recurrent.products import PreparedKernel, PreparedSplit
from tfpipeline.protocol import Factor

FACTOR_ARGUMENTS = ("rank", "recurrent_rank", "joint")


class FactoredRecurrentCell:
    """Goes before the Keras cell among the bases of a factored cell.

    The Keras cell keeps its arguments, states and dropout masks; this class replaces its two
    kernels. The concrete cell names its gates, adds its bias and computes one step.
    """

    GATES: ClassVar[tuple[str, ...]]
    PLAIN: ClassVar[Any]

    # Of the Keras cell.
    units: int
    bias: Any
    dropout: float
    recurrent_dropout: float
    get_dropout_mask: Any
    get_recurrent_dropout_mask: Any

    def set_ranks(self, rank: Any, recurrent_rank: Any, joint: Any) -> None:
        """Checks and keeps the arguments of the factorization; the last step of `__init__`."""
        self.joint = check_forms(joint, recurrent_rank)
        gates = len(self.GATES)
        self.rank = check_ranks(rank, "rank", self.joint, gates)
        self.recurrent_rank = (
            None
            if recurrent_rank is None
            else check_ranks(recurrent_rank, "recurrent_rank", self.joint, gates)
        )
        self._prepared: PreparedKernel | PreparedSplit | None = None

    def build(self, input_shape: Any) -> None:
        layer: Any = self
        kernel, recurrent = self._kernel_options(int(input_shape[-1]))
        self._joint_kernels: JointKernels | None = None
        self._input_kernel: Any
        self._state_kernel: Any
        if self.joint == "all":
            if kernel.shape != recurrent.shape:
                raise ValueError(
                    f"`joint` must not be 'all' for inputs of another width than the state: "
                    f"expected {self.units} features, received {kernel.shape[0]}; use 'partial'."
                )
            both = self._joint_kernels = JointKernels(layer, kernel, recurrent)
            self._input_kernel, self._state_kernel = both.kernel, both.recurrent
        else:
            forms = {
                "partial": (PartialKernel, PartialKernel),
                "split": (SplitKernel, SplitKernel),
                "prabhavalkar": (WholeKernel, PartialKernel),
            }[self.joint]
            self._input_kernel = forms[0](layer, kernel)
            self._state_kernel = forms[1](layer, recurrent)
        self.bias = self.add_bias()
        layer.built = True

    def _kernel_options(self, features: int) -> tuple[KernelOptions, KernelOptions]:
        layer: Any = self
        columns = len(self.GATES) * self.units
        shared_rank = self.recurrent_rank is None
        return (
            KernelOptions(
                name="kernel",
                argument="rank",
                shape=(features, columns),
                gates=self.GATES,
                rank=self.rank,
                initializer=layer.kernel_initializer,
                regularizer=layer.kernel_regularizer,
                constraint=layer.kernel_constraint,
            ),
            KernelOptions(
                name="recurrent_kernel",
                argument="rank" if shared_rank else "recurrent_rank",
                shape=(self.units, columns),
                gates=self.GATES,
                rank=self.rank if shared_rank else self.recurrent_rank,
                initializer=layer.recurrent_initializer,
                regularizer=layer.recurrent_regularizer,
                constraint=layer.recurrent_constraint,
            ),
        )

    def add_bias(self) -> Any:
        """Adds and returns the bias, or None."""
        raise NotImplementedError

    def input_bias(self) -> Any:
        """The part of the bias that belongs to the inputs, or None."""
        raise NotImplementedError

    @property
    def kernel(self) -> Any:
        """Input kernel `(features, gates * units)`, multiplied out."""
        return self._input_kernel.product()

    @property
    def recurrent_kernel(self) -> Any:
        """Recurrent kernel `(units, gates * units)`, multiplied out."""
        return self._state_kernel.product()

    @property
    def projection(self) -> Any:
        """Of `joint="prabhavalkar"`: what multiplies the layer's output, `(units, rank)`."""
        return self._state_kernel.factored.left

    def projection_width(self) -> int:
        """Columns of `projection`, known before it is built."""
        columns = len(self.GATES) * self.units
        return resolve_rank(self.rank, self.units, columns, "rank")

    def factors(self) -> tuple[Factor, ...]:
        """The factored matrices; see `tfpipeline.protocol`."""
        check_built(self, "factors()")
        state = self._state_kernel.factors()
        if self.joint == "prabhavalkar":
            return tuple(replace(factor, projects_output=True) for factor in state)
        return (
            *self._input_kernel.factors(),
            *(replace(factor, argument="recurrent_rank") for factor in state),
        )

    def with_ranks(self, **ranks: Any) -> Any:
        """A new, unbuilt cell of the same configuration with other ranks."""
        layer: Any = self
        return type(layer).from_config({**with_own_objects(layer.get_config(), layer), **ranks})

    def assign_kernels(self, kernel: Any, recurrent_kernel: Any) -> None:
        """Takes over whole kernels as their best approximations of the cell's ranks."""
        matrices = [ops.convert_to_numpy(matrix) for matrix in (kernel, recurrent_kernel)]
        if self._joint_kernels is not None:
            self._joint_kernels.assign(*matrices)
        else:
            self._input_kernel.assign(matrices[0])
            self._state_kernel.assign(matrices[1])

    def export_kernels(self) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """Both kernels as one or two float32 arrays each, for `RecurrentStep`."""
        kernel, recurrent = (
            tuple(np.asarray(matrix, np.float32) for matrix in form.arrays())
            for form in (self._input_kernel, self._state_kernel)
        )
        return kernel, recurrent

    def plain_config(self) -> dict[str, Any]:
        """Configuration of the Keras cell with plain kernels."""
        layer: Any = self
        config = with_own_objects(layer.get_config(), layer)
        for argument in FACTOR_ARGUMENTS:
            del config[argument]
        for argument in ("kernel_regularizer", "recurrent_regularizer"):
            if hasattr(getattr(self, argument), "for_factor"):
                config[argument] = None
        return config

    def collapse(self) -> Any:
        """The built Keras cell that computes the same function with plain kernels."""
        check_built(self, "collapse()")
        plain = self.PLAIN.from_config(self.plain_config())
        plain.build((None, int(self.kernel.shape[0])))
        take_over(plain.kernel, self.kernel)
        take_over(plain.recurrent_kernel, self.recurrent_kernel)
        if self.bias is not None:
            take_over(plain.bias, self.bias)
        return plain

    @classmethod
    def from_keras(cls, cell: Any, **options: Any) -> Any:
        """The factored cell that computes what a Keras cell does; see `FactoredGRU.from_keras`."""
        config = factored_config(cls, cls.PLAIN, cell)
        factored = cls.from_config({**config, **options})  # type: ignore[attr-defined]
        if cell.built:
            factored.build((None, int(cell.kernel.shape[0])))
            factored.assign_kernels(cell.kernel, cell.recurrent_kernel)
            if cell.bias is not None:
                take_over(factored.bias, cell.bias)
        return factored

    @contextmanager
    def prepared(self, steps: int | None) -> Iterator[None]:
        """Inside, `call` takes inputs already projected and a recurrent kernel prepared once.

        Like Keras' dropout masks, it is kept on the cell for one call of the layer.
        """
        self._prepared = self._state_kernel.prepare(steps, in_loop=True)
        try:
            yield
        finally:
            self._prepared = None

    def operands(self, inputs: Any, training: bool) -> tuple[Any, PreparedKernel | PreparedSplit]:
        """Inputs projected, and the recurrent kernel, for one step."""
        if self._prepared is not None:
            return inputs, self._prepared
        return self.project_inputs(inputs, training), self._state_kernel.prepare()

    def project_inputs(self, inputs: Any, training: bool = False, steps: int | None = 1) -> Any:
        """`x W + b` for all gates, `(..., features)` to `(..., gates * units)`."""
        kernel = self._input_kernel.prepare(steps)
        mask = self.get_dropout_mask(_first_step(inputs)) if training and self.dropout else None
        if isinstance(mask, list):  # recurrent dropout: one mask a gate, as in Keras
            parts = [
                kernel.gate(inputs * _over_time(gate_mask, inputs), index)
                for index, gate_mask in enumerate(mask)
            ]
            projected = ops.concatenate(parts, axis=-1)
        else:
            projected = kernel(inputs if mask is None else inputs * _over_time(mask, inputs))
        bias = self.input_bias()
        return projected if bias is None else projected + bias

    def state_masks(self, state: Any, training: bool) -> list[Any] | None:
        """Masks of recurrent dropout, one a gate, or None."""
        if training and self.recurrent_dropout:
            return self.get_recurrent_dropout_mask(state)
        return None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),  # type: ignore[misc]
            "rank": self.rank,
            "recurrent_rank": self.recurrent_rank,
            "joint": self.joint,
        }


def _first_step(inputs: Any) -> Any:
    return inputs[:, 0, :] if len(inputs.shape) == 3 else inputs


def _over_time(mask: Any, inputs: Any) -> Any:
    return ops.expand_dims(mask, axis=1) if len(inputs.shape) == 3 else mask
