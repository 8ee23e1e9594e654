"""Layers of cells with quantized weights and normalized products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.recurrent.low_bit.batch_statistics import statistics_of_batch
from tfpipeline.layers.recurrent.recurrent_layer import RecurrentLayer
from tfpipeline.layers.recurrent.time_count import number_of
from tfpipeline.normalizations import Steps
from tfpipeline.protocol import LayerNorm, RecurrentStep


class NormalizedLayer(RecurrentLayer):
    """The layer of a `NormalizedCell`.

    It quantizes weights once a call, normalizes the products of the inputs for all time steps at
    once, and keeps the moving averages of batch normalizations.
    """

    #: Whether a batch of several sequences has trained it: see `Batch.check_batch`.
    _larger_batch = False

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        cell = self.cell
        if cell.counts_time:
            # Kept, so that a layer made from this one has as many.
            cell.normalization = cell.normalization.with_time_steps(sequences_shape[1])
        super().build(sequences_shape, initial_state_shape)

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        cell = self.cell
        with cell.quantized.during(bool(training), once=True):
            if cell.counts_time or (training and cell.takes_statistics):
                return self._loop_over_counted_steps(sequences, initial_state, mask, training)
            return super().inner_loop(sequences, initial_state, mask, training)

    def _loop_over_counted_steps(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool
    ) -> Any:
        cell, learns = self.cell, bool(training) and self.cell.takes_statistics
        if learns:
            size = sequences.shape[0]
            self._larger_batch = cell.normalization.check_batch(size, self._larger_batch)
        if self.go_backwards:
            sequences, mask = (x if x is None else ops.flip(x, axis=1) for x in (sequences, mask))
        batch, time = sequences.shape[:2]
        rows = None if batch is None or time is None else batch * time
        weight = None if mask is None else ops.cast(mask, "float32")[..., None]
        first = number_of(initial_state[-1]) if cell.counts_time else None
        times = None if first is None else _times(sequences, first, mask)
        steps = Steps(learns, weight, times, seen=[] if learns else None)
        with cell.at(steps):
            projected = cell.project_inputs(sequences, training, steps=rows)
        if learns and weight is not None:
            projected = ops.concatenate([projected, ops.cast(weight, projected.dtype)], axis=-1)
        with cell.prepared(rows, training):
            with self._plain_loop(all_outputs=learns):
                begun = cell.loop_states(initial_state) if learns else initial_state
                last, outputs, states = keras.layers.RNN.inner_loop(
                    self, projected, begun, mask, training=training
                )
            found = []
            if learns:
                begin = replace(steps, time=first)
                found = statistics_of_batch(cell, outputs, initial_state[0], begin)
                last, outputs, h = (x[..., : cell.units] for x in (last, outputs, states[0]))
                states = [h, *states[1:]]
        # At the end: where a variable is assigned, another replica may take its turn.
        for normal, statistics in zip(cell.averages_of(), found, strict=False):
            normal.update(*statistics)
        if self.zero_output_for_mask and mask is not None:
            last = ops.where(mask[:, -1:], last, ops.zeros_like(last))
            if self.return_sequences:
                outputs = ops.where(mask[..., None], outputs, ops.zeros_like(outputs))
        return last, outputs, states

    @contextmanager
    def _plain_loop(self, all_outputs: bool) -> Iterator[None]:
        """Inside, Keras' loop runs forwards and gives what it computes, masked or not."""
        names = ("return_sequences", "go_backwards", "zero_output_for_mask")
        before = {name: getattr(self, name) for name in names}
        try:
            self.return_sequences = before["return_sequences"] or all_outputs
            self.go_backwards = self.zero_output_for_mask = False
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    def export_step(self) -> RecurrentStep:
        """Return one step with the normalization folded into kernels and bias.

        Layer normalization does not fold: its offsets go into the bias, and the step has its gains.

        Raises:
            ValueError: the normalization is neither.
        """
        if self.cell.activation_bits is not None:
            raise ValueError(
                f"`activation_bits` of layer {self.name!r} does not export: files multiply with "
                f"activations of 8 bits, expected None, received {self.cell.activation_bits}; "
                "train without it to export."
            )
        step = super().export_step()
        normalization = self.cell.normalization
        if normalization is None:
            return step
        at_run_time = self.cell.layer_norm()
        if at_run_time is None:
            (scale_x, offset_x), (scale_h, offset_h) = self.cell.fold()
        else:
            gains, (offset_x, offset_h) = at_run_time
        bias = np.array(step.bias)
        bias[0] += offset_x
        bias[1 if self.cell.BIAS_ROWS > 1 else 0] += offset_h
        if at_run_time is not None:
            norm = LayerNorm(gains, normalization.epsilon)
            return replace(step, bias=bias, layer_norm=norm)
        return replace(
            step,
            kernel=_scaled(step.kernel, scale_x),
            recurrent_kernel=_scaled(step.recurrent_kernel, scale_h),
            bias=bias,
        )

    def plain_config(self, cell: Any) -> dict[str, Any]:
        return {**super().plain_config(cell), "weight_quantizer": None}


def _times(sequences: Any, first: Any, mask: Any) -> Any:
    """Return the number of every time step, `(batch, time)`; masked ones do not count."""
    if mask is None:
        return first[:, None] + ops.arange(ops.shape(sequences)[1], dtype="int32")
    counted = ops.cast(mask, "int32")
    return first[:, None] + ops.cumsum(counted, axis=1) - counted


def _scaled(matrices: tuple[np.ndarray, ...], scale: np.ndarray) -> tuple[np.ndarray, ...]:
    *before, last = matrices
    return (*before, (last * scale).astype(np.float32))
