"""Packs a `.tflite` model into bytes: constants aligned, and nothing stored that need not be.

The `Pack` methods of the schema's generated classes write every vector, string and table anew. A
flatbuffer's offsets may point to one place from anywhere, so equal ones are stored once here:
quantized tensors repeat their scales and their zero points, which are all zero per channel, and the
graphs of a loop repeat names and shapes. A buffer that nothing refers to is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_BUFFER_ALIGNMENT = 16
_FILE_IDENTIFIER = b"TFL3"


class SharingBuilder(flatbuffers.Builder):
    """A builder that stores equal vectors of numbers, equal strings and equal tables once."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.tables: dict[Any, int] = {}
        self._vectors: dict[tuple[str, bytes], int] = {}
        self._strings: dict[bytes, int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802 (the library's name)
        # The type is part of the key because it decides the alignment.
        key = (x.dtype.str, x.tobytes())
        if key not in self._vectors:
            self._vectors[key] = int(super().CreateNumpyVector(x))
        return self._vectors[key]

    def CreateString(  # noqa: N802 (the library's name)
        self, s: str | bytes, encoding: str = "utf-8", errors: str = "strict"
    ) -> int:
        key = s.encode(encoding, errors) if isinstance(s, str) else bytes(s)
        if key not in self._strings:
            self._strings[key] = int(super().CreateString(key))
        return self._strings[key]


class SharedQuantization(schema.QuantizationParametersT):
    """Quantization parameters whose table is stored once for all tensors that have the same."""

    def Pack(self, builder: SharingBuilder) -> int:  # noqa: N802 (the schema's name)
        key = (self.scale.tobytes(), self.zeroPoint.tobytes(), self.quantizedDimension)
        if key not in builder.tables:
            builder.tables[key] = int(super().Pack(builder))
        return builder.tables[key]


class SharedSparsity(schema.SparsityParametersT):
    """Where the blocks of a sparse tensor are, stored once for all graphs that have the tensor."""

    def Pack(self, builder: SharingBuilder) -> int:  # noqa: N802 (the schema's name)
        key = tuple(
            (
                dimension.format,
                dimension.denseSize,
                _vector_key(dimension.arraySegments),
                _vector_key(dimension.arrayIndices),
            )
            for dimension in self.dimMetadata
        )
        if key not in builder.tables:
            builder.tables[key] = int(super().Pack(builder))
        return builder.tables[key]


def _vector_key(vector: Any) -> bytes | None:
    return None if vector is None else vector.values.tobytes()


class SharedTensor(schema.TensorT):
    """A tensor whose table is stored once for all graphs that have the same.

    What a loop carries is declared outside, in its condition and in its body.
    """

    def Pack(self, builder: SharingBuilder) -> int:  # noqa: N802 (the schema's name)
        quantization = None if self.quantization is None else self.quantization.Pack(builder)
        sparsity = None if self.sparsity is None else self.sparsity.Pack(builder)
        parts = {**vars(self), "quantization": quantization, "sparsity": sparsity}
        key = tuple(
            value.tobytes() if isinstance(value, np.ndarray) else value for value in parts.values()
        )
        if key not in builder.tables:
            builder.tables[key] = int(super().Pack(builder))
        return builder.tables[key]


class AlignedBuffer(schema.BufferT):
    """A buffer whose bytes start at a multiple of 16 in the file."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 (the schema's name)
        if self.data is None or len(self.data) == 0:
            return int(super().Pack(builder))
        data = bytes(self.data)
        builder.StartVector(1, len(data), _BUFFER_ALIGNMENT)
        head = builder.head - len(data)
        builder.head = head
        builder.Bytes[head : head + len(data)] = data
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


def pack_model(model: Any) -> bytes:
    """Return the bytes of a `schema.ModelT`, whose buffers are renumbered where some are unused."""
    _drop_unused_buffers(model)
    size = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    builder = SharingBuilder(size + 65536)
    builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
    return bytes(builder.Output())


def _drop_unused_buffers(model: Any) -> None:
    # Buffer 0 is the empty one of whatever is no constant, used or not.
    used = sorted({0, *(owner.buffer for owner in _buffer_owners(model))})
    numbers = {old: new for new, old in enumerate(used)}
    for owner in _buffer_owners(model):
        owner.buffer = numbers[owner.buffer]
    model.buffers = [model.buffers[old] for old in used]


def _buffer_owners(model: Any) -> Iterator[Any]:
    for graph in model.subgraphs:
        yield from graph.tensors
    yield from model.metadata or ()
