"""The graph of a model for a few time steps, from two conversions at other lengths.

Converting a model at a single time step would be the obvious way to a streaming graph, but a size
of one invites the converter to simplify: additions lose an axis, convolutions become products, and
the graph no longer has the ops for which the scales were found. Instead the model is converted at
two longer lengths. Every size that differs grows linearly with the number of time steps, which
gives the sizes at any length, and shows which axes are time: an op that mixes time steps without
keeping the past as a state cannot run on a stream, and is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.errors import ExportError
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator, FloatTensor
from tfpipeline.export.graph.markers import MARKER, Delay
from tfpipeline.export.graph.other_length import same_tensors

_MIXING = {"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SOFTMAX", "CUMSUM"}
"""Ops that combine all entries of an axis."""
_WINDOWS = {"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"}
_REVERSING = {"REVERSE_V2", "REVERSE_SEQUENCE"}


@dataclass(frozen=True)
class Growth:
    """A size as a function of the number of time steps: `slope * frames + start`."""

    slope: float
    start: float

    def at(self, frames: int) -> int:
        return round(self.slope * frames + self.start)


def auxiliary_frames(chunk: int) -> tuple[int, int]:
    """Two lengths from which the graph for `chunk` time steps follows.

    Multiples of the chunk, so that a stride which divides the chunk divides them; long enough for
    no size to be one by accident.
    """
    return 8 * chunk, 16 * chunk


class StretchedGraph:
    """A float graph whose number of time steps can be chosen.

    Args:
        first: The graph at `frames[0]` time steps.
        second: The graph at `frames[1]` time steps.
        frames: Both lengths.
        layer_of: The layer of an op, from the name of its output, for messages.
        delay_of: The delay that a marker op stands for, or None.
    """

    def __init__(
        self,
        first: FloatGraph,
        second: FloatGraph,
        frames: tuple[int, int],
        layer_of: Callable[[str], str | None],
        delay_of: Callable[[FloatOperator], Delay | None],
    ) -> None:
        self.graph = first
        self._first = first
        self._frames = frames
        self._layer_of = layer_of
        self._delay_of = delay_of
        self._twins = same_tensors(first, second, layer_of)
        self._second = second

    def at(self, frames: int) -> FloatGraph:
        """Return the graph of a stream of `frames` time steps a call.

        Raises:
            ExportError: an op mixes time steps, or a size is no whole number at this length.
        """
        for op in self._first.operators:
            problem = self.problem(op, frames)
            if problem:
                raise ExportError(
                    f"{self.who(op)} {problem}: the model cannot stream with {frames} time steps a "
                    "call"
                )
        tensors = [
            self._tensor(index, tensor, frames) for index, tensor in enumerate(self._first.tensors)
        ]
        return replace(self._first, tensors=tuple(tensors))

    def growths(self, index: int) -> list[Growth]:
        """Return each size of a tensor as a function of the number of time steps."""
        ours = self._first.tensors[index].shape
        theirs = self._second.tensors[self._twins.get(index, index)].shape
        if index not in self._twins:
            return [Growth(0, size) for size in ours]
        return [self._growth(a, b) for a, b in zip(ours, theirs, strict=True)]

    def _growth(self, a: float, b: float) -> Growth:
        slope = (b - a) / (self._frames[1] - self._frames[0])
        return Growth(slope, a - slope * self._frames[0])

    def _tensor(self, index: int, tensor: FloatTensor, frames: int) -> FloatTensor:
        if index not in self._twins:
            return tensor
        data = tensor.data
        other = self._second.tensors[self._twins[index]].data
        if data is not None and other is not None and not np.array_equal(data, other):
            if data.shape != other.shape or not np.issubdtype(data.dtype, np.integer):
                raise ExportError(
                    f"constant {tensor.name!r} depends on the number of time steps, so that the "
                    "model cannot stream: use layers that work frame by frame"
                )
            data = (
                np.array(
                    [
                        self._growth(a, b).at(frames)
                        for a, b in zip(data.flat, other.flat, strict=True)
                    ]
                )
                .reshape(data.shape)
                .astype(tensor.dtype)
            )
        shape = tuple(growth.at(frames) for growth in self.growths(index))
        return replace(tensor, shape=shape, data=data)

    def who(self, op: FloatOperator) -> str:
        """Return an op's layer, for messages."""
        name = self._first.tensors[op.outputs[0]].name
        layer = self._layer_of(name)
        return f"layer {layer!r}" if layer else f"op {op.code} ({name!r})"

    def is_delay(self, op: FloatOperator) -> bool:
        return op.custom == MARKER and self._delay_of(op) is not None

    def problem(self, op: FloatOperator, frames: int) -> str | None:
        """Why an op cannot run on a stream, or None."""
        if self.is_delay(op):
            return None
        for growth in self.growths(op.outputs[0]):
            size = growth.slope * frames + growth.start
            if growth.slope and abs(size - round(size)) > 1e-6:
                return f"puts out {size:g} time steps; use a chunk that its strides divide"
        if not self._first.tensors[op.outputs[0]].shape:
            return None
        if op.code in _WINDOWS:
            return self._window_problem(op)
        axes = [i for i, growth in enumerate(self.growths(op.inputs[0])) if growth.slope]
        if op.code in _MIXING and axes:
            reduced = self._reduced_axes(op)
            if any(axis in reduced for axis in axes):
                return "combines all time steps"
        if op.code in _REVERSING and axes:
            return "runs backwards in time"
        if op.code == "STRIDED_SLICE" and axes:
            return self._slice_problem(op, axes)
        if op.code == "PAD" and axes and self._padded(op, axes):
            return "pads the time axis on both sides or at the end; pad the past only"
        return None

    def _slice_problem(self, op: FloatOperator, axes: list[int]) -> str | None:
        begins, _, strides = (self._first.tensors[index].data for index in op.inputs[1:4])
        options: Any = op.options
        for axis in axes:
            if strides is not None and strides[axis] < 0:
                return "runs backwards in time"
            one = options.shrinkAxisMask >> axis & 1
            if one and begins is not None and not begins[axis]:
                return "takes the first time step, which a stream has in its first call only"
        return None

    def _padded(self, op: FloatOperator, axes: list[int]) -> bool:
        amounts = self._first.tensors[op.inputs[1]].data
        return amounts is not None and any(amounts[axis].any() for axis in axes)

    def _reduced_axes(self, op: FloatOperator) -> set[int]:
        rank = len(self._first.tensors[op.inputs[0]].shape)
        if op.code == "SOFTMAX":
            return {rank - 1}
        axes = self._first.tensors[op.inputs[1]].data
        return {int(axis) % rank for axis in np.ravel(axes)} if axes is not None else set()

    def _window_problem(self, op: FloatOperator) -> str | None:
        options: Any = op.options
        sizes = (
            (options.filterHeight, options.filterWidth)
            if op.code.endswith("POOL_2D")
            else self._first.tensors[op.inputs[1]].shape[1:3]
        )
        strides = (options.strideH, options.strideW)
        grown, output = self.growths(op.inputs[0]), self.growths(op.outputs[0])
        for axis, size, stride in zip((1, 2), sizes, strides, strict=True):
            if not grown[axis].slope:
                continue
            if size > stride and options.padding == schema.Padding.SAME:
                return "looks at frames to come (padding='same'); use padding='causal'"
            if output[axis].start < -1e-6:
                return (
                    f"needs {size} frames and has no past to take them from; use "
                    "padding='causal', or ZeroPadding of the past in front of it"
                )
            if output[axis].start > 1e-6:
                return "is given more of the past than it needs"
        return None
