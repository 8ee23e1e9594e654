"""What a `.tflite` file holds, as plain data: graphs, tensors, operators, signatures, buffers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfpipeline.inspection.tensor_types import type_bits, type_name

CUSTOM = "CUSTOM"


@dataclass(frozen=True, slots=True)
class Quantization:
    """`real = scale * (stored - zero_point)`, one pair for the tensor or one per channel.

    Args:
        scales: float32, as they lie in the file.
        zero_points: int64, likewise.
        axis: The dimension whose channels have a pair each.
        spans: Where both lie; tensors may share them.
    """

    scales: np.ndarray
    zero_points: np.ndarray
    axis: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Sparsity:
    """What a sparse tensor stores.

    Args:
        numbers: How many of its numbers; blocks at the edges may reach beyond the shape.
        spans: Where the indices lie that say which; tensors may share them.
    """

    numbers: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor; `buffer` 0 means that it is computed. `signature` has -1 for sizes left open.

    `open_shape` says that the shape itself has such sizes, which are 1 here. `sparsity` is None
    where every number is stored.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    type_code: int
    buffer: int
    quantization: Quantization | None
    variable: bool
    signature: tuple[int, ...] | None
    external: bool
    open_shape: bool = False
    sparsity: Sparsity | None = None

    @property
    def dtype(self) -> str:
        return type_name(self.type_code)

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def multiplied(self) -> int:
        """How many numbers a product with a matrix multiplies: all, or those that are stored."""
        return self.elements if self.sparsity is None else self.sparsity.numbers

    @property
    def density(self) -> float:
        """Stored numbers over all."""
        return self.multiplied / self.elements if self.elements else 1.0

    @property
    def nbytes(self) -> int:
        """What the tensor takes in memory; 0 for strings and handles."""
        return (self.elements * type_bits(self.type_code) + 7) // 8

    @property
    def dynamic(self) -> bool:
        """Whether the caller may choose a size."""
        return self.signature is not None and -1 in self.signature


@dataclass(frozen=True, slots=True)
class OperatorCode:
    """An operator and its version; `custom` names it when `name` is CUSTOM."""

    number: int
    name: str
    version: int
    custom: str

    @property
    def label(self) -> str:
        return self.custom if self.name == CUSTOM else self.name


@dataclass(frozen=True, slots=True)
class Operator:
    """One node: -1 in `inputs` is an operand left out.

    `options` are those of a custom operator, and `options_span` is where they lie; `calls` are the
    graphs that it runs, as their numbers (WHILE: condition and body); `flags` are the options that
    change how much it computes (BATCH_MATMUL: whether x and y are transposed).
    """

    code: OperatorCode
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: memoryview
    options_span: tuple[int, int]
    calls: tuple[int, ...]
    flags: tuple[bool, ...]

    def input(self, index: int) -> int:
        """Return the tensor of an operand, -1 where it was left out."""
        return self.inputs[index] if index < len(self.inputs) else -1


@dataclass(frozen=True, slots=True)
class Graph:
    """One subgraph."""

    index: int
    name: str
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """A named entry: names of inputs and outputs by tensor."""

    key: str
    graph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ModelGraph:
    """A parsed file. `buffers` are (start, size) of each; `metadata` are (name, buffer)."""

    path: Path
    size: int
    schema_version: int
    description: str
    codes: tuple[OperatorCode, ...]
    graphs: tuple[Graph, ...]
    buffers: tuple[tuple[int, int], ...]
    metadata: tuple[tuple[str, int], ...]
    signatures: tuple[Signature, ...]
    data: memoryview = field(repr=False, compare=False)

    def constant(self, tensor: Tensor) -> bool:
        """Return whether the file holds the tensor's values."""
        return tensor.external or self.buffers[tensor.buffer][1] > 0

    def content(self, buffer: int) -> memoryview:
        """Return the bytes of a buffer."""
        start, size = self.buffers[buffer]
        return self.data[start : start + size]
