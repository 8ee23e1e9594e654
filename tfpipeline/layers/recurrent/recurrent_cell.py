"""What all recurrent cells share: their kernels, ranks, biases and protocols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import keras
from keras import ops

from tfpipeline import activations
from tfpipeline.layers.arguments import arguments_of, signature_of
from tfpipeline.layers.factored.ranks import Rank, check_forms, check_ranks, resolve_rank
from tfpipeline.layers.recurrent.cell_protocol import OWN_ARGUMENTS, CellProtocol
from tfpipeline.layers.recurrent.gate_kernels import GateKernels
from tfpipeline.layers.recurrent.kernel_forms import KernelOptions
from tfpipeline.layers.recurrent.products import StateProduct
from tfpipeline.layers.recurrent.weight_drop import (
    check_weight_drop,
    check_whole_sequence,
    drop_weights,
)
from tfpipeline.numerics.cells import CELLS


class RecurrentCell(CellProtocol):
    """Goes before a Keras cell among the bases of a recurrent cell.

    The Keras cell keeps the arguments, initial states and dropout masks. It is the stock cell that
    ours is the twin of (see `KerasTwinCell`); for a cell that Keras has not, `GatedCellOptions`, or
    `keras.layers.SimpleRNNCell` where the gates have no activation of their own.

    This class has the two kernels, factored or not, and the bias. A concrete cell says its name and
    gates, and computes one `step`. Arguments of its own go by name only, and the rest is handed on:
    `def __init__(self, *args, alpha=0.1, **options)`.

    Args:
        rank: rank of the input kernel: `"full"`, an int, or a float in (0, 1] as a fraction of the
            full rank, rounded up; with `joint="split"` also a list of one a gate. None keeps plain
            kernels, in a cell without a Keras twin.
        recurrent_rank: the same for the recurrent kernel; None takes `rank`.
        joint: which matrices share a factorization; see `FactoredGRU`.
        recurrent_weight_drop: share of the weights of the recurrent kernel that are 0 while
            training, drawn once for all steps and sequences of a batch; of factors, those of their
            product. Nothing is scaled at inference. See `weight_drop.drop_weights`. A layer of
            Keras has none, so `collapse` to one leaves it out, and cuDNN is not used with it.
    """

    #: Name of the cell: `RecurrentStep.cell`. Where `tfpipeline.numerics.cells` specifies a cell of
    #: this name, gates and rows of the bias are taken from there.
    KIND: ClassVar[str]
    #: Whether the state is multiplied by a kernel.
    RECURRENT: ClassVar[bool] = True
    #: One letter a gate, in the order of the kernels' columns.
    GATES: ClassVar[tuple[str, ...]]
    #: 1: one bias for the sum of both products. 2: one of the inputs and one of the state.
    BIAS_ROWS: ClassVar[int] = 1

    # Of the Keras cell.
    units: int
    use_bias: bool
    bias: Any
    bias_initializer: Any
    dropout: float
    recurrent_dropout: float
    activation: Any
    get_dropout_mask: Any
    get_recurrent_dropout_mask: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if getattr(cls, "KIND", None) in CELLS:
            specified = CELLS[cls.KIND]
            cls.GATES = tuple(gate.name for gate in specified.gates)
            cls.BIAS_ROWS = specified.bias_rows
            cls.RECURRENT = specified.recurrent
        if issubclass(cls, keras.layers.Layer):
            cls.__signature__ = signature_of(arguments_of(cls).values())  # type: ignore[attr-defined]

    def __init__(
        self,
        *args: Any,
        rank: Rank | Sequence[Rank] | None = "full",
        recurrent_rank: Rank | Sequence[Rank] | None = None,
        joint: str = "partial",
        recurrent_weight_drop: float = 0.0,
        **options: Any,
    ) -> None:
        for argument in ("activation", "recurrent_activation"):
            if argument in options:
                options[argument] = activations.named(options[argument])
        super().__init__(*map(activations.named, args), **options)
        self.joint = check_forms(joint, recurrent_rank)
        self.rank = self.check_rank(rank, "rank")
        self.recurrent_rank = (
            None if recurrent_rank is None else self.check_rank(recurrent_rank, "recurrent_rank")
        )
        self.recurrent_weight_drop = check_weight_drop(recurrent_weight_drop)
        self._prepared: Any = None

    def check_rank(self, rank: Any, argument: str) -> Any:
        """Return the rank as it is kept, or raise."""
        if rank is None and self.joint == "partial":
            return None
        return check_ranks(rank, argument, self.joint, len(self.GATES))

    def step(self, inputs: Any, states: list[Any], recurrent: StateProduct) -> Sequence[Any]:
        """Return the new states, of which the first is the output.

        Args:
            inputs: `x W + b`, `(batch, gates * units)`.
            states: each `(batch, units)`.
            recurrent: multiplies a state by the recurrent kernel, and adds its bias.
        """
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        nested = isinstance(states, (list, tuple))
        states = list(states) if nested else [states]
        projected, kernel = self._operands(inputs, training)
        recurrent = StateProduct(
            kernel, len(self.GATES), self._state_bias(), self._state_masks(states[0], training)
        )
        new = list(self.step(projected, states, recurrent))
        return new[0], new if nested else new[0]

    def build(self, input_shape: Any) -> None:
        layer: Any = self
        kernel, recurrent = self._kernel_options(int(input_shape[-1]))
        self._kernels = GateKernels(
            layer, kernel, recurrent if self.RECURRENT else None, self.joint
        )
        self.bias = self._add_bias()
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

    @property
    def bias_rows(self) -> int:
        """Rows of the bias of this very cell, at most `BIAS_ROWS`."""
        return self.BIAS_ROWS

    def start_bias(self) -> Any:
        """Return the initializer of the bias."""
        return self.bias_initializer

    def _add_bias(self) -> Any:
        if not self.use_bias:
            return None
        layer: Any = self
        columns = len(self.GATES) * self.units
        return layer.add_weight(
            name="bias",
            shape=(columns,) if self.bias_rows == 1 else (self.bias_rows, columns),
            initializer=self.start_bias(),
            regularizer=layer.bias_regularizer,
            constraint=layer.bias_constraint,
        )

    def _input_bias(self) -> Any:
        return self.bias if self.bias is None or self.bias_rows == 1 else self.bias[0]

    def _state_bias(self) -> Any:
        return None if self.bias is None or self.bias_rows == 1 else self.bias[1]

    @property
    def features(self) -> int:
        """Width of the inputs, of a built cell."""
        return int(self.kernel.shape[0])

    @property
    def kernel(self) -> Any:
        """Input kernel `(features, gates * units)`, multiplied out."""
        return self._kernels.input.product()

    @property
    def recurrent_kernel(self) -> Any:
        """Recurrent kernel `(units, gates * units)`, multiplied out; None where there is none."""
        return self._kernels.state.product()

    @property
    def projection(self) -> Any:
        """Of `joint="prabhavalkar"`: what multiplies the layer's output, `(units, rank)`."""
        return self._kernels.state.factored.values()[0]

    def projection_width(self) -> int:
        """Return the columns of `projection`, known before it is built."""
        columns = len(self.GATES) * self.units
        return resolve_rank(self.rank, self.units, columns, "rank")

    def input_kernel(self, steps: int | None = 1) -> Any:
        """Return what multiplies the inputs of so many steps, a `Product`."""
        return self._kernels.input.prepare(steps)

    def state_kernel(
        self, steps: int | None = 1, in_loop: bool = False, training: bool = False
    ) -> Any:
        """Return what multiplies the state, a `Product`."""
        layer: Any = self
        if training and self.recurrent_weight_drop:
            rate, gates = self.recurrent_weight_drop, len(self.GATES)
            return drop_weights(self.recurrent_kernel, rate, gates, layer.seed_generator)
        return self._kernels.state.prepare(steps, in_loop)

    @contextmanager
    def prepared(self, steps: int | None, training: bool = False) -> Iterator[None]:
        """Inside, `call` takes inputs already projected and a recurrent kernel prepared once.

        Like Keras' dropout masks, it is kept on the cell for one call of the layer.
        """
        self._prepared = self.state_kernel(steps, True, training)
        try:
            yield
        finally:
            self._prepared = None

    def _operands(self, inputs: Any, training: bool) -> tuple[Any, Any]:
        """Return the inputs projected, and the recurrent kernel, for one step."""
        if self._prepared is not None:
            return inputs, self._prepared
        if training:
            check_whole_sequence(self)
        return self.project_inputs(inputs, training), self.state_kernel()

    def project_inputs(self, inputs: Any, training: bool = False, steps: int | None = 1) -> Any:
        """Return `x W + b` for all gates, `(..., features)` to `(..., gates * units)`."""
        kernel = self.input_kernel(steps)
        mask = self.get_dropout_mask(_first_step(inputs)) if training and self.dropout else None
        if isinstance(mask, list):  # recurrent dropout: one mask a gate, as in Keras
            parts = [
                kernel.gate(inputs * _over_time(gate_mask, inputs), index)
                for index, gate_mask in enumerate(mask)
            ]
            projected = ops.concatenate(parts, axis=-1)
        else:
            projected = kernel(inputs if mask is None else inputs * _over_time(mask, inputs))
        bias = self._input_bias()
        return projected if bias is None else projected + bias

    def _state_masks(self, state: Any, training: bool) -> Any:
        if training and self.recurrent_dropout:
            return self.get_recurrent_dropout_mask(state)
        return None

    def get_config(self) -> dict[str, Any]:
        own = {argument: getattr(self, argument) for argument in OWN_ARGUMENTS}
        return {**super().get_config(), **own}  # type: ignore[misc]


def _first_step(inputs: Any) -> Any:
    return inputs[:, 0, :] if len(inputs.shape) == 3 else inputs


def _over_time(mask: Any, inputs: Any) -> Any:
    return ops.expand_dims(mask, axis=1) if len(inputs.shape) == 3 else mask
