"""Runs a recurrent layer in floating point and observes how far the values inside of it reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfpipeline.export.quantize.few_bits import Matrices, written_kernels
from tfpipeline.export.recurrent.gate_names import gate_function, is_bounded
from tfpipeline.export.recurrent.plane_reach import largest_of_planes
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent_float import Taps, sequence_float, windows
from tfpipeline.protocol import RecurrentStep

_LENGTHS = 10
"""Of a stream in samples, as many as `verify.drift` runs."""


@dataclass(frozen=True)
class ObservedLayer:
    """Magnitudes inside of a recurrent layer on the calibration data.

    Args:
        kernel: The matrices that it was run with, in Keras' orientation: those to be written.
        recurrent_kernel: The same for the state.
        bits: Of their weights.
        a_x: The largest of each component between the factors of `kernel`, `(rank,)`; None for a
            plain kernel.
        a_h: The same between those of `recurrent_kernel`.
        p_x: The largest of each of the input's pre-activations, `(rows,)`.
        p_h: The same of the state's.
        sums: The same of both added.
        highest: The highest value of both added, `(rows,)`.
        raw_x: As `p_x`, before the normalization of the layer; None without one.
        raw_h: As `p_h`, likewise.
        plane_x: The largest product of a single plane of the kernel, `(rows,)`; None where it has
            but one.
        plane_h: The same of the recurrent kernel.
        states: The largest of each state.
    """

    kernel: Matrices
    recurrent_kernel: Matrices
    bits: int
    a_x: np.ndarray | None
    a_h: np.ndarray | None
    p_x: np.ndarray
    p_h: np.ndarray
    sums: np.ndarray
    highest: np.ndarray
    states: tuple[float, ...]
    raw_x: np.ndarray | None = None
    raw_h: np.ndarray | None = None
    plane_x: np.ndarray | None = None
    plane_h: np.ndarray | None = None

    def and_of(self, other: ObservedLayer) -> ObservedLayer:
        """Return the larger magnitudes of two runs of one layer."""
        larger: dict[str, Any] = {}
        rows = ("p_x", "p_h", "sums", "highest", "raw_x", "raw_h", "plane_x", "plane_h")
        for name in ("a_x", "a_h", *rows):
            one = getattr(self, name)
            larger[name] = None if one is None else np.maximum(one, getattr(other, name))
        larger["states"] = tuple(map(max, self.states, other.states))
        return replace(self, **larger)


def observe(
    step: RecurrentStep, x: np.ndarray, bits: int = 8, end_to_end: bool = False
) -> tuple[ObservedLayer, np.ndarray]:
    """Run a layer on its float input.

    Args:
        step: The layer.
        x: float32 `(batch, time, features)`.
        bits: Of a weight, as the layer's mode has it: `written_kernels` says which weights get 2.
        end_to_end: Whether each sample goes on from the state of the one before, ten in a row.

    Returns:
        What was seen, and the layer's output.
    """
    kernel, recurrent, bits = written_kernels(step, bits)
    given = _end_to_end(x) if end_to_end else x
    sequence, final, taps = _run(step, kernel, recurrent, given, taps=True)
    assert taps is not None  # for the type checker: taps=True gives them
    sums = taps.p_x + taps.p_h
    seen = ObservedLayer(
        kernel=kernel,
        recurrent_kernel=recurrent,
        bits=bits,
        a_x=_largest_of(taps.a_x),
        a_h=_largest_of(taps.a_h),
        p_x=_largest(taps.p_x),
        p_h=_largest(taps.p_h),
        sums=_largest(sums),
        highest=sums.reshape(-1, sums.shape[-1]).max(axis=0),
        states=tuple(float(np.abs(state).max()) for state in taps.states),
        raw_x=_largest_of(taps.raw_x),
        raw_h=_largest_of(taps.raw_h),
        plane_x=largest_of_planes(kernel, bits, windows(given, window_of(step))),
        plane_h=largest_of_planes(recurrent, bits, sequence),
    )
    if end_to_end:
        sequence = sequence.reshape(-1, x.shape[1], step.units)[: len(x)]
        return seen, sequence if step.return_sequences else sequence[:, -1]
    return seen, sequence if step.return_sequences else final[0]


def _end_to_end(x: np.ndarray) -> np.ndarray:
    """Return samples laid end to end; some come again where they are no whole number of tens."""
    streams = -(-len(x) // _LENGTHS)
    whole = np.resize(x, (streams * _LENGTHS, *x.shape[1:]))
    return whole.reshape(streams, -1, x.shape[-1])


def float_output(step: RecurrentStep, x: np.ndarray) -> np.ndarray:
    """Return the layer's float output for `x` of shape `(batch, time, features)`."""
    sequence, final, _ = _run(step, step.kernel, step.recurrent_kernel, x, taps=False)
    return sequence if step.return_sequences else final[0]


def parameters_of(step: RecurrentStep) -> tuple[float, ...]:
    """Return the values of the cell's parameters, in its order."""
    given: dict[str, Any] = dict(step.attributes)
    return tuple(float(given[name]) for name in CELLS[step.cell].parameters)


def is_unbounded(step: RecurrentStep) -> bool:
    """Return whether the state of a cell may grow without a bound, or nearly, over a stream."""
    functions = functions_of(step).values()
    return not (CELLS[step.cell].bounded and all(map(is_bounded, functions)))


def window_of(step: RecurrentStep) -> int:
    """Return how many time steps the layer's kernel reads."""
    window = step.attributes.get("window", 1)
    assert isinstance(window, int)
    return window


def functions_of(step: RecurrentStep) -> dict[str, str]:
    """Return the names of `numerics.activations.FUNCTIONS` that the layer's functions have."""
    return {
        "activation": gate_function(step.activation),
        "recurrent_activation": gate_function(step.recurrent_activation or "sigmoid"),
    }


def _run(
    step: RecurrentStep, kernel: Matrices, recurrent_kernel: Matrices, x: np.ndarray, taps: bool
) -> tuple[np.ndarray, tuple[np.ndarray, ...], Taps | None]:
    norm = step.layer_norm
    return sequence_float(
        CELLS[step.cell],
        x,
        None,
        kernel,
        recurrent_kernel,
        step.bias,
        parameters=parameters_of(step),
        **functions_of(step),
        go_backwards=step.go_backwards,
        gains=None if norm is None else norm.gains,
        epsilon=0.0 if norm is None else norm.epsilon,
        taps=taps,
        dtype=np.float32,
    )


def _largest_of(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else _largest(values)


def _largest(values: np.ndarray) -> np.ndarray:
    """Return the largest magnitude of each entry of the last axis."""
    found: np.ndarray = np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
    return found
