"""What interpreters check of tensors and nodes when they load a file and allocate its tensors.

Found by asking them: LiteRT 2.3, tf.lite 2.21 and tflite-runtime 2.14. Not everything: a kernel
looks at shapes and options, too, which are not judged here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tfpipeline.inspection.graph import CUSTOM, Graph, ModelGraph, Operator, Quantization, Tensor
from tfpipeline.inspection.tensor_types import type_bits

LITERT, TENSORFLOW, RUNTIME = "ai-edge-litert", "tensorflow", "tflite-runtime"
_ALL = frozenset({LITERT, TENSORFLOW, RUNTIME})
#: Those that run such nodes in XNNPACK, which looks at every scale.
_XNNPACK = frozenset({LITERT, TENSORFLOW})
_MULTIPLIED = frozenset({"FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D"})
#: Scale of products over that of the output.
_MOST = 256.0
_LOWEST, _HIGHEST = -128, 127


@dataclass(frozen=True)
class _Facts:
    """What is asked of a vector of scales; tensors may share it."""

    positive: bool
    product: bool
    unshifted: bool
    lowest: int
    highest: int
    largest: float


class LoadChecks:
    """Finds what the packages refuse, once for all of them."""

    def __init__(self, model: ModelGraph) -> None:
        self._model = model
        self._facts: dict[tuple[tuple[int, int], ...], _Facts] = {}
        self._found: Counter[tuple[str, str, frozenset[str]]] = Counter()
        for graph in model.graphs:
            self._found.update(x for tensor in graph.tensors for x in self._tensor(tensor))
            self._found.update(x for node in graph.operators for x in self._node(graph, node))

    def refused(self, package: str) -> Counter[tuple[str, str]]:
        """Return what a package refuses: the thing, the reason, and how often."""
        found: Counter[tuple[str, str]] = Counter()
        for (what, reason, packages), count in self._found.items():
            if package in packages:
                found[what, reason] += count
        return found

    def _tensor(self, tensor: Tensor) -> Iterator[tuple[str, str, frozenset[str]]]:
        bits = type_bits(tensor.type_code)
        if tensor.quantization is not None and (problem := _levels(tensor, tensor.quantization)):
            yield f"scales of {tensor.dtype} tensors", problem, _ALL
        if tensor.open_shape and bits:
            yield f"{tensor.dtype} tensors", "a size of -1 outside of the shape signature", _ALL
            return
        stored = self._model.buffers[tensor.buffer][1]
        if tensor.variable and (stored or tensor.external):
            yield f"{tensor.dtype} tensors", "a variable with stored values", _ALL
        elif stored and bits and not tensor.external and tensor.sparsity is None:
            if stored < tensor.nbytes:
                yield f"{tensor.dtype} constants", "less data than their shapes say", _ALL
            elif stored > tensor.nbytes:
                more = "more data than their shapes say"
                yield f"{tensor.dtype} constants", more, frozenset({RUNTIME})

    def _node(self, graph: Graph, node: Operator) -> Iterator[tuple[str, str, frozenset[str]]]:
        name = node.code.label
        if {n for n in node.inputs if n >= 0} & {n for n in node.outputs if n >= 0}:
            yield name, "a tensor is its input and its output", _ALL
        if node.code.name == CUSTOM:
            return
        operands = [graph.tensors[n] for n in (node.input(0), node.input(1)) if n >= 0]
        operands += [graph.tensors[n] for n in node.outputs[:1] if n >= 0]
        if len(operands) < 3:
            if name in _MULTIPLIED:
                yield name, "an operand is left out", _ALL
        elif name in _MULTIPLIED:
            yield from self._multiplied(name, *operands)
        elif name == "ADD" and operands[0].dtype == "int8":
            yield from self._added(name, operands)

    def _added(self, name: str, tensors: list[Tensor]) -> Iterator[tuple[str, str, frozenset[str]]]:
        if not all(self._one_scale(tensor) for tensor in tensors):
            yield name, "int8 tensors without one scale above 0 each", _ALL

    def _one_scale(self, tensor: Tensor) -> bool:
        levels = tensor.quantization
        return levels is not None and len(levels.scales) == 1 and self._of(levels).positive

    def _multiplied(
        self, name: str, x: Tensor, weights: Tensor, y: Tensor
    ) -> Iterator[tuple[str, str, frozenset[str]]]:
        if weights.dtype != "int8" or x.dtype not in ("int8", "int16", "float32"):
            return
        quantized = [weights] if x.dtype == "float32" else [x, weights]
        if x.dtype != "float32" and any(tensor.quantization is None for tensor in quantized):
            yield name, "int8 weights or inputs without scales", _ALL
            return
        levels = weights.quantization
        if levels is not None and x.dtype != "float32":
            if name == "CONV_2D" and not self._of(levels).unshifted:
                yield name, "zero points of weights that are not 0", _ALL
            elif name == "FULLY_CONNECTED" and len(levels.scales) > 1 and levels.axis != 0:
                yield name, f"scales along dimension {levels.axis}", frozenset({LITERT})
        if x.dtype == "int8" and name == "FULLY_CONNECTED":
            facts = [self._of(t.quantization) for t in quantized if t.quantization is not None]
            if not all(fact.product for fact in facts):
                yield name, "scales that are negative or no numbers", frozenset({RUNTIME})
        if name == "FULLY_CONNECTED" and x.dtype != "int16":
            yield from self._in_xnnpack(name, [x, weights, y])
            if x.dtype == "int8":
                yield from self._ratio(name, [x, weights, y])

    def _in_xnnpack(
        self, name: str, tensors: list[Tensor]
    ) -> Iterator[tuple[str, str, frozenset[str]]]:
        for tensor in tensors:
            if tensor.quantization is None or tensor.dtype != "int8":
                continue
            facts = self._of(tensor.quantization)
            if not facts.positive:
                yield name, "scales that are 0, negative or no numbers", _XNNPACK
                return
            if facts.lowest < _LOWEST or facts.highest > _HIGHEST:
                yield name, f"zero points outside of {_LOWEST} to {_HIGHEST}", _XNNPACK
                return
            if len(tensor.quantization.scales) > 1 and not facts.unshifted:
                yield name, "zero points of channels that are not 0", _XNNPACK
                return

    def _ratio(self, name: str, tensors: list[Tensor]) -> Iterator[tuple[str, str, frozenset[str]]]:
        x, weights, y = (tensor.quantization for tensor in tensors)
        if x is None or weights is None or y is None or not float(y.scales[0]) > 0:
            return
        if float(x.scales[0]) * self._of(weights).largest / float(y.scales[0]) >= _MOST:
            yield name, f"products whose scale is {_MOST:.0f} times that of the output", _XNNPACK

    def _of(self, levels: Quantization) -> _Facts:
        if levels.spans not in self._facts:
            scales, points = levels.scales, levels.zero_points
            self._facts[levels.spans] = _Facts(
                positive=bool((np.isfinite(scales) & (scales >= np.finfo(np.float32).tiny)).all()),
                product=bool((scales >= 0).all()),
                unshifted=not points.any(),
                lowest=int(points.min(initial=0)),
                highest=int(points.max(initial=0)),
                largest=float(scales.max()),
            )
        return self._facts[levels.spans]


def _levels(tensor: Tensor, levels: Quantization) -> str:
    """Return what the loader has against scales, zero points and their dimension."""
    scales, points, rank = len(levels.scales), len(levels.zero_points), len(tensor.shape)
    if scales != points:
        return f"{scales} scales with {points} zero points"
    if not rank:
        return ""
    if not 0 <= levels.axis < rank:
        return f"dimension {levels.axis} of {rank}"
    if scales not in (1, tensor.shape[levels.axis]):
        return f"{scales} scales for {tensor.shape[levels.axis]} channels"
    return ""
