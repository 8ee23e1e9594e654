"""The schema's `SparsityParameters` of 8x4 blocks (custom_ops/spec/block_sparse.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.packing import SharedSparsity
from tfpipeline.numerics.block_sparse import BLOCK, BlockSparse


def block_sparsity(data: BlockSparse) -> Any:
    """Return the description of where the stored blocks are, in the shortest integers that fit."""
    segments_type, segments = _vector(data.segments)
    indices_type, indices = _vector(data.indices)
    compressed = schema.DimensionMetadataT(
        format=schema.DimensionType.SPARSE_CSR,
        arraySegmentsType=segments_type,
        arraySegments=segments,
        arrayIndicesType=indices_type,
        arrayIndices=indices,
    )
    return SharedSparsity(
        traversalOrder=np.arange(4, dtype=np.int32),
        blockMap=np.arange(2, dtype=np.int32),
        dimMetadata=[_dense(len(data.segments) - 1), compressed, *map(_dense, BLOCK)],
    )


def index_bytes(data: BlockSparse) -> int:
    """Return the bytes of the segments and columns in a file."""
    return sum(_vector(values)[1].values.nbytes for values in (data.segments, data.indices))


def _dense(size: int) -> Any:
    return schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=size)


def _vector(values: np.ndarray) -> tuple[int, Any]:
    kinds = schema.SparseIndexVector
    highest = int(values.max(initial=0))
    if highest < 2**8:
        return kinds.Uint8Vector, schema.Uint8VectorT(values=values.astype(np.uint8))
    if highest < 2**16:
        return kinds.Uint16Vector, schema.Uint16VectorT(values=values.astype(np.uint16))
    return kinds.Int32Vector, schema.Int32VectorT(values=values.astype(np.int32))
