"""Where the bytes of a file are: by kind, by type, by tensor, and what is stored twice."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass

from tfpipeline.inspection.custom_ops import OUR_PREFIX
from tfpipeline.inspection.graph import Graph, ModelGraph, Operator, Tensor

#: Start and size of a buffer.
Span = tuple[int, int]

WEIGHTS, BIASES, CONSTANTS = "weights", "biases", "constants"

#: Operands that are weights and biases, by operator.
_WEIGHT_OPERANDS = {
    "FULLY_CONNECTED": (1,),
    "CONV_2D": (1,),
    "DEPTHWISE_CONV_2D": (1,),
    "CONV_3D": (1,),
    "TRANSPOSE_CONV": (1,),
    "BATCH_MATMUL": (0, 1),
    "EMBEDDING_LOOKUP": (1,),
    "GATHER": (0,),
    "SVDF": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 12), 16),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    # Compressed weights reach the operator that uses them through one of these.
    "DEQUANTIZE": (0,),
    "DENSIFY": (0,),
}
_BIAS_OPERANDS = {
    "FULLY_CONNECTED": (2,),
    "CONV_2D": (2,),
    "DEPTHWISE_CONV_2D": (2,),
    "CONV_3D": (2,),
    "TRANSPOSE_CONV": (3,),
    "SVDF": (3,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (*range(12, 16), 17),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (3,),
}
_HASHED_FROM = 64
_HASHED_BYTES = 1 << 30
#: In our own operators the integers are weights and the floats are biases.
_OUR_WEIGHTS = {"int8", "uint8"}


@dataclass(frozen=True)
class StoredTensor:
    """A buffer of the file and the first tensor that reads it; `shared_by` counts all of them.

    `density` is the share of the tensor's numbers that are stored, `index_bytes` what it takes to
    say which.
    """

    name: str
    graph: int
    shape: tuple[int, ...]
    dtype: str
    kind: str
    bytes: int
    shared_by: int
    quantization_bytes: int
    density: float = 1.0
    index_bytes: int = 0


@dataclass(frozen=True)
class ByteTable:
    """Where the bytes are; the values of `by_kind` add up to the file.

    Args:
        by_kind: weights, biases, constants, metadata, quantization (scales and zero points),
            indices (of sparse tensors), options (of custom operators), unused (buffers that nothing
            names), structure (rest).
        by_dtype: Bytes of constant tensors by type.
        tensors: All buffers that tensors read, the largest first.
        shared_bytes: What sharing of buffers saves.
        stored_twice: What could be saved, because the same content stands in several buffers.
    """

    by_kind: dict[str, int]
    by_dtype: dict[str, int]
    tensors: tuple[StoredTensor, ...]
    shared_bytes: int
    stored_twice: int


def count_bytes(model: ModelGraph) -> ByteTable:
    """Count every byte of the file once."""
    # By place and not by number: two buffers may name the same bytes.
    readers: dict[Span, list[tuple[Graph, Tensor]]] = defaultdict(list)
    for graph in model.graphs:
        for tensor in graph.tensors:
            if model.buffers[tensor.buffer][1]:
                readers[model.buffers[tensor.buffer]].append((graph, tensor))
    roles = _roles(model)
    stored = [_stored(span, found, roles) for span, found in readers.items()]
    stored.sort(key=lambda entry: -entry.bytes)
    by_kind = dict.fromkeys((WEIGHTS, BIASES, CONSTANTS), 0)
    by_dtype: dict[str, int] = defaultdict(int)
    for entry in stored:
        by_kind[entry.kind] += entry.bytes
        by_dtype[entry.dtype] += entry.bytes
    in_metadata = {model.buffers[buffer] for _, buffer in model.metadata} - readers.keys()
    by_kind["metadata"] = sum(size for _, size in in_metadata)
    # Tensors may share these, so they too count by place.
    by_kind["quantization"] = sum(size for _, size in _quantization_spans(model))
    by_kind["indices"] = sum(size for _, size in _index_spans(model))
    by_kind["options"] = sum(size for _, size in _option_spans(model))
    named = readers.keys() | in_metadata
    by_kind["unused"] = sum(size for _, size in set(model.buffers) - named)
    # What remains are tables, names, and the padding between them.
    by_kind["structure"] = model.size - sum(by_kind.values())
    return ByteTable(
        by_kind=by_kind,
        by_dtype=dict(sorted(by_dtype.items(), key=lambda item: -item[1])),
        tensors=tuple(stored),
        shared_bytes=sum(entry.bytes * (entry.shared_by - 1) for entry in stored),
        stored_twice=_stored_twice(model),
    )


def _quantization_spans(model: ModelGraph) -> set[Span]:
    tensors = (tensor for graph in model.graphs for tensor in graph.tensors)
    return {span for t in tensors if t.quantization for span in t.quantization.spans}


def _index_spans(model: ModelGraph) -> set[Span]:
    tensors = (tensor for graph in model.graphs for tensor in graph.tensors)
    return {span for t in tensors if t.sparsity for span in t.sparsity.spans}


def _option_spans(model: ModelGraph) -> set[Span]:
    return {operator.options_span for graph in model.graphs for operator in graph.operators}


def _roles(model: ModelGraph) -> dict[Span, str]:
    """Return what the operators take each buffer for; weights win where they disagree."""
    roles: dict[Span, str] = {}
    for graph in model.graphs:
        for operator in graph.operators:
            if operator.code.label.startswith(OUR_PREFIX):
                for tensor in (graph.tensors[n] for n in operator.inputs if n >= 0):
                    kind = WEIGHTS if tensor.dtype in _OUR_WEIGHTS else BIASES
                    roles[model.buffers[tensor.buffer]] = kind
            for kind, table in ((BIASES, _BIAS_OPERANDS), (WEIGHTS, _WEIGHT_OPERANDS)):
                for number in _operands(operator, table):
                    roles[model.buffers[graph.tensors[number].buffer]] = kind
    return roles


def _operands(operator: Operator, table: dict[str, tuple[int, ...]]) -> list[int]:
    places = table.get(operator.code.label, ())
    return [tensor for place in places if (tensor := operator.input(place)) >= 0]


def _stored(
    span: Span, readers: list[tuple[Graph, Tensor]], roles: dict[Span, str]
) -> StoredTensor:
    graph, tensor = readers[0]
    return StoredTensor(
        name=tensor.name,
        graph=graph.index,
        shape=tensor.shape,
        dtype=tensor.dtype,
        kind=roles.get(span, CONSTANTS),
        bytes=span[1],
        shared_by=len(readers),
        quantization_bytes=_quantization_bytes(tensor),
        density=round(tensor.density, 4),
        index_bytes=sum(size for _, size in tensor.sparsity.spans) if tensor.sparsity else 0,
    )


def _quantization_bytes(tensor: Tensor) -> int:
    return sum(size for _, size in tensor.quantization.spans) if tensor.quantization else 0


def _stored_twice(model: ModelGraph) -> int:
    """Bytes of buffers whose content stands elsewhere too; only equal sizes are compared.

    The smallest first, until as much was read as can be read in a moment: a file may claim to be
    larger than any disk.
    """
    by_size: dict[int, set[int]] = defaultdict(set)
    for start, size in model.buffers:
        if size >= _HASHED_FROM:
            by_size[size].add(start)
    wasted, left = 0, _HASHED_BYTES
    for size, starts in sorted(by_size.items()):
        if len(starts) > 1:
            left -= size * len(starts)
            if left < 0:
                break
            contents = (model.data[start : start + size] for start in starts)
            distinct = {hashlib.blake2b(content).digest() for content in contents}
            wasted += size * (len(starts) - len(distinct))
    return wasted
