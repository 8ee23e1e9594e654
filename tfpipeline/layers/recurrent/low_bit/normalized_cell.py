"""Recurrent cells with quantized weights and normalized products."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from tfpipeline import normalizations, quantizers
from tfpipeline.layers.factored.factored_kernel import as_it_is
from tfpipeline.layers.recurrent.kernel_forms import KernelOptions
from tfpipeline.layers.recurrent.low_bit.normalized_product import NormalizedProduct
from tfpipeline.layers.recurrent.low_bit.quantized_state import QuantizedState
from tfpipeline.layers.recurrent.low_bit.quantized_weights import QuantizedWeights
from tfpipeline.layers.recurrent.per_thread import PerThread
from tfpipeline.layers.recurrent.products import StateProduct
from tfpipeline.layers.recurrent.recurrent_cell import RecurrentCell
from tfpipeline.layers.recurrent.time_count import DIGITS, next_count, number_of
from tfpipeline.normalizations import Steps
from tfpipeline.quantizers.alternating import MOST_BITS, Alternating, whole


class NormalizedCell(RecurrentCell):
    """A recurrent cell that multiplies by `N(x Q(W)) + N(h Q(U))` in place of `x W + h U`.

    Hou et al. (2019), "Normalization Helps Training of Quantized LSTM". The quantizer Q acts on the
    matrix of each gate (on each factor of a factored kernel), the normalization N on the product of
    each gate, of inputs and state apart. The cell's `step` knows of neither.

    Args:
        weight_quantizer: a name or object of `tfpipeline.quantizers`, or None. An input kernel of
            one feature stays in full precision.
        normalization: a name or object of `tfpipeline.normalizations`, or None.
        activation_bits: 1 to 4: the state is multiplied as a sum of so many binary vectors, with
            scales of its own at each step (Xu et al. 2018); gates read it as it is. None multiplies
            the state itself.
        rank: as in `RecurrentCell`; None, the default, keeps plain kernels.
    """

    compute_dtype: str
    state_size: Any
    seed_generator: Any

    def __init__(
        self,
        *args: Any,
        weight_quantizer: Any = None,
        normalization: Any = None,
        activation_bits: int | None = None,
        rank: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, rank=rank, **options)
        self.weight_quantizer = quantizers.get(weight_quantizer)
        self.normalization: Any = normalizations.get(normalization)
        self.activation_bits = activation_bits
        self._of_state = (
            None
            if activation_bits is None
            else Alternating(whole(activation_bits, "activation_bits", 1, MOST_BITS))
        )
        self.quantized = QuantizedWeights(self.weight_quantizer, self.seed_generator)
        self._steps = PerThread(Steps())
        self._normal: tuple[Any, Any] = (None, None)
        if self.counts_time:
            size = self.state_size
            self.state_size = [*(size if isinstance(size, (list, tuple)) else [size]), DIGITS]

    @property
    def is_plain(self) -> bool:
        """Whether there is neither a quantizer nor a normalization."""
        return all(
            option is None
            for option in (self.weight_quantizer, self.normalization, self.activation_bits)
        )

    @property
    def counts_time(self) -> bool:
        """Whether the number of the time step is a state."""
        return self.normalization is not None and self.normalization.COUNTS_TIME

    @property
    def takes_statistics(self) -> bool:
        """Whether training takes statistics of batches."""
        return self.normalization is not None and self.normalization.OF_BATCHES

    def _kernel_options(self, features: int) -> tuple[KernelOptions, KernelOptions]:
        kernel, recurrent = super()._kernel_options(features)
        if self.is_plain:
            return kernel, recurrent
        read = self.quantized.read
        self._input_is_whole = self.quantized.keeps_whole(self, features)
        return (
            replace(kernel, read=as_it_is if self._input_is_whole else read),
            replace(recurrent, read=read),
        )

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.is_plain:
            return
        kernels = self._kernels
        own = [
            variable
            for variable in kernels.variables
            if not (self._input_is_whole and variable.name.startswith("kernel"))
        ]
        self.quantized.build(self, own)
        if self.normalization is not None:
            gates = len(self.GATES)
            first, second = (
                self.normalization.for_kernel(self, name, gates, gates * self.units, form.start)
                for name, form in (("kernel", kernels.input), ("recurrent_kernel", kernels.state))
            )
            self._normal = (first, second)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        if not self.counts_time:
            return super().get_initial_state(batch_size)  # type: ignore[misc]
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        if self.is_plain:
            return super().call(inputs, states, training)
        count = states[-1] if self.counts_time else None
        states = states if count is None else list(states[:-1])
        steps = Steps(
            bool(training) and self.takes_statistics,
            time=None if count is None else number_of(count),
        )
        if self._prepared is not None:
            columns = len(self.GATES) * self.units
            if inputs.shape[-1] > columns:
                # The layer says in one more column which sequences are masked.
                steps = replace(steps, weight=ops.cast(inputs[:, columns:], "float32"))
                inputs = inputs[:, :columns]
            with self.at(steps):
                output, new = super().call(inputs, states, training)
        else:
            self._check_alone(training)
            with self.quantized.during(bool(training), once=False), self.at(steps):
                output, new = super().call(inputs, states, training)
        return output, new if count is None else [*new, next_count(count)]

    def _check_alone(self, training: bool) -> None:
        draws = self.weight_quantizer is not None and self.weight_quantizer.RANDOM
        if training and (draws or self.takes_statistics):
            what = "weight_quantizer" if draws else "normalization"
            raise ValueError(
                f"`{what}` of {type(self).__name__} needs the layer to train, which knows where a "
                "batch begins and ends; use the layer of that name without 'Cell', or another "
                f"{what}."
            )

    def at(self, steps: Steps) -> AbstractContextManager[None]:
        """Return a context in which products are those of these time steps."""
        return self._steps.being(steps)

    def input_kernel(self, steps: int | None = 1) -> Any:
        kernel = super().input_kernel(steps)
        return self._normalized(kernel, self._kernels.input, self._normal[0])

    def state_kernel(
        self, steps: int | None = 1, in_loop: bool = False, training: bool = False
    ) -> Any:
        kernel = super().state_kernel(steps, in_loop, training)
        return self._normalized(kernel, self._kernels.state, self._normal[1], self._of_state)

    def _normalized(self, kernel: Any, form: Any, normal: Any, of_inputs: Any = None) -> Any:
        if self.is_plain:
            return kernel
        kernel = kernel.cast(self.compute_dtype)
        if of_inputs is not None:
            kernel = QuantizedState(kernel, of_inputs)
        if normal is None:
            return kernel
        return NormalizedProduct(kernel, normal, normal.constants(form.product), self._steps.value)

    def _operands(self, inputs: Any, training: bool) -> tuple[Any, Any]:
        inputs, kernel = super()._operands(inputs, training)
        if isinstance(kernel, NormalizedProduct):
            kernel = kernel.at(self._steps.value)
        return inputs, kernel

    def statistics_of_states(self, states: Any, initial: Any, steps: Steps) -> list[Any]:
        """Return the statistics of the products of many states, inside of `prepared`.

        Args:
            states: `(batch, time, units)`, with which time steps begin.
            initial: `(batch, units)`, for which there are masks of dropout.
            steps: the time steps.
        """
        masks = self._state_masks(initial, training=True)
        if isinstance(masks, list):
            masks = [mask[:, None] for mask in masks]
        elif masks is not None:
            masks = masks[:, None]
        steps = replace(steps, seen=[])
        StateProduct(self._prepared.at(steps), len(self.GATES), None, masks).gates(states)
        return steps.seen or []

    def loop_states(self, states: Any) -> Any:
        """Return the states of a loop that trains, the first of which is also the output."""
        return states

    def statistics_of_outputs(self, outputs: Any, steps: Steps) -> list[Any]:
        """Return the statistics of what the loop gives beside the first state.

        Args:
            outputs: `(batch, time, width)`, the outputs of `call` in training.
            steps: the time steps.
        """
        return []

    def averages_of(self) -> tuple[Any, ...]:
        """Return the normalizations of inputs, state and outputs, which keep moving averages."""
        return self._normal

    def check_exportable(self) -> None:
        """Raise for what no exported step has."""

    def layer_norm(self) -> tuple[np.ndarray, tuple[Any, Any]] | None:
        """Return the gains `(2, columns)` of layer normalization and its offsets; None for others.

        The offsets are those of inputs and state, `(columns,)` each.
        """
        self.check_exportable()
        if not self.normalization.AT_RUN_TIME:
            return None
        read = ops.convert_to_numpy
        gains = np.stack([read(normal.gain) for normal in self._normal])
        first, second = (read(normal.offset) for normal in self._normal)
        return gains, (first, second)

    def fold(self) -> tuple[Any, Any]:
        """Return scale and offset of every column, for inputs and state; see `Normalization`."""
        self.check_exportable()
        first, second = (
            normal.fold(ops.convert_to_numpy(form.product()))
            for normal, form in zip(
                self._normal, (self._kernels.input, self._kernels.state), strict=True
            )
        )
        return first, second

    def plain_config(self) -> dict[str, Any]:
        return {**super().plain_config(), "weight_quantizer": None}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "weight_quantizer": quantizers.serialize(self.weight_quantizer),
            "normalization": normalizations.serialize(self.normalization),
            "activation_bits": self.activation_bits,
        }
