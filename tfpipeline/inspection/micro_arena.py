"""How much memory TFLite-Micro needs to run a file."""

from __future__ import annotations

from pathlib import Path

from tfpipeline.inspection.arena import graph_memory
from tfpipeline.inspection.coverage import TARGETS, cover
from tfpipeline.inspection.graph import Graph, ModelGraph
from tfpipeline.inspection.load_checks import LoadChecks
from tfpipeline.inspection.parse import parse

_ALIGNMENT = 16
_OPERATOR_BYTES, _OTHER_BYTES = 280, 1024
"""Beside activations and states. Measured in TFLite-Micro of 64 bits, which needs up to 280 bytes
an operator (node, tensors, data of the kernel, and what planning takes for a while); the
microcontroller's pointers are half as wide."""
_CHANNEL_BYTES = 8
"""Multiplier and shift of each output channel whose weights have a scale of their own."""
_WEIGHTS = 1
"""Which operand of a product holds them."""
_TARGET = next(target for target in TARGETS if target.name == "tflite-micro")


def arena_in_micro(path: str | Path) -> int | None:
    """Return how large an arena is surely enough for a file, None where TFLite-Micro refuses it.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    model = parse(path)
    if not cover(model, _TARGET, LoadChecks(model)).runs:
        return None
    return tensor_arena_bytes(model)


def tensor_arena_bytes(model: ModelGraph) -> int:
    """Return how large an arena is surely enough, a multiple of 16 bytes."""
    operators = sum(len(graph.operators) for graph in model.graphs)
    channels = sum(map(_scaled_channels, model.graphs))
    states = sum(map(_aligned, variable_bytes(model)))
    activations = graph_memory(model, model.graphs[0]).arena
    kept = _OTHER_BYTES + _OPERATOR_BYTES * operators + _CHANNEL_BYTES * channels
    return _aligned(kept + states + activations)


def variable_bytes(model: ModelGraph) -> list[int]:
    """Return the bytes of each state, in the order in which they are first set."""
    return [
        graph.tensors[operator.input(1)].nbytes
        for graph in model.graphs[1:]
        for operator in graph.operators
        if operator.code.name == "ASSIGN_VARIABLE"
    ]


def _scaled_channels(graph: Graph) -> int:
    """Return how many output channels of products have a scale of their own."""
    found = 0
    for operator in graph.operators:
        weights = operator.input(_WEIGHTS)
        quantization = None if weights < 0 else graph.tensors[weights].quantization
        if quantization is not None and len(quantization.scales) > 1:
            found += len(quantization.scales)
    return found


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
