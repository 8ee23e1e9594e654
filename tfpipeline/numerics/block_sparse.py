"""Weights without their 8x4 blocks of zeros: which blocks are stored, and where (executable spec).

The form is that of TensorFlow Lite's `SparsityParameters`: blocks in compressed sparse rows, each
stored as 8 rows of 4 numbers (`custom_ops/spec/block_sparse.md`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Int8Array = NDArray[np.int8]
Int32Array = NDArray[np.int32]

#: Rows and columns of a block.
BLOCK = (8, 4)


@dataclass(frozen=True)
class BlockSparse:
    """The stored blocks of a matrix.

    Args:
        segments: int32 `(rows of blocks + 1,)`: the blocks of row r of blocks are those from
            `segments[r]` to `segments[r + 1]`.
        indices: int32 `(stored,)`: the column of blocks of each; they ascend within a row.
        blocks: int8 `(stored, 8, 4)`.
        columns: Columns of blocks.
    """

    segments: Int32Array
    indices: Int32Array
    blocks: Int8Array
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, rounded up to whole blocks."""
        return (len(self.segments) - 1) * BLOCK[0], self.columns * BLOCK[1]

    @property
    def macs(self) -> int:
        """Multiplications of one vector with the stored blocks."""
        return int(self.blocks.size)

    @property
    def density(self) -> float:
        """Stored blocks over all blocks."""
        return len(self.indices) / ((len(self.segments) - 1) * self.columns)

    def check(self) -> None:
        """Check that the arrays describe a matrix.

        Raises:
            ValueError: they do not.
        """
        segments = np.asarray(self.segments, np.int64)
        indices = np.asarray(self.indices, np.int64)
        stored = len(indices)
        if self.blocks.shape != (stored, *BLOCK):
            raise ValueError(f"blocks must be ({stored}, 8, 4); got {self.blocks.shape}.")
        if len(segments) < 2 or segments[0] != 0 or segments[-1] != stored:
            raise ValueError(f"segments must go from 0 to {stored}; got {segments[:1]} to ...")
        if (np.diff(segments) < 0).any():
            raise ValueError("segments must ascend.")
        if stored and not (indices.min() >= 0 and indices.max() < self.columns):
            raise ValueError(f"indices must lie below {self.columns}.")
        first = np.zeros(stored + 1, bool)
        first[segments] = True
        if not (np.diff(indices, prepend=-1) > 0)[~first[:stored]].all():
            raise ValueError("indices must ascend within a row of blocks.")


def pad_to_blocks(values: ArrayLike, parts: int = 1) -> Int8Array:
    """Return the matrix with zeros up to whole blocks.

    Args:
        values: int8 `(rows, depth)`.
        parts: Into how many equal parts the rows fall, such as the gates of a recurrent layer. Each
            part begins with a block of its own, so each is rounded up.

    Returns:
        int8 `(parts * rows of a part rounded up to 8, depth rounded up to 4)`.

    Raises:
        ValueError: the rows are no `parts` equal parts.
    """
    matrix = np.asarray(values, np.int8)
    rows, depth = matrix.shape
    if parts < 1 or rows % parts:
        raise ValueError(f"rows must fall into {parts} equal parts; got {rows}.")
    split = matrix.reshape(parts, rows // parts, depth)
    more = (-split.shape[1] % BLOCK[0], -depth % BLOCK[1])
    padded = np.pad(split, ((0, 0), (0, more[0]), (0, more[1])))
    return padded.reshape(-1, padded.shape[2])


def pad_scales(scales: ArrayLike, parts: int = 1) -> NDArray[np.float32]:
    """Return the scales of the rows of `pad_to_blocks`: a new row has the scale of the one before.

    Args:
        scales: float32 `(rows,)`.
        parts: As of `pad_to_blocks`.
    """
    split = np.asarray(scales, np.float32).reshape(parts, -1)
    return np.pad(split, ((0, 0), (0, -split.shape[1] % BLOCK[0])), mode="edge").reshape(-1)


def stored_blocks(values: ArrayLike, parts: int = 1) -> NDArray[np.bool_]:
    """Return which blocks hold a number other than 0, `(rows of blocks, columns of blocks)`."""
    return np.asarray(_split(pad_to_blocks(values, parts)).any(axis=(2, 3)))


def encode_blocks(values: ArrayLike, parts: int = 1) -> BlockSparse:
    """Return the blocks of int8 `values` `(rows, depth)` that hold a number other than 0.

    A file cannot hold a constant of no bytes: of a matrix of zeros the first block is stored.

    Args:
        values: int8 `(rows, depth)`.
        parts: As of `pad_to_blocks`.
    """
    blocks = _split(pad_to_blocks(values, parts))
    kept = np.asarray(blocks.any(axis=(2, 3)))
    if not kept.any():
        kept[0, 0] = True
    segments = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    return BlockSparse(
        segments, np.nonzero(kept)[1].astype(np.int32), blocks[kept].copy(), kept.shape[1]
    )


def decode_blocks(sparse: BlockSparse, rows: int, depth: int, parts: int = 1) -> Int8Array:
    """Return the dense matrix `(rows, depth)` that `encode_blocks` took.

    Raises:
        ValueError: the arrays describe no matrix of this shape.
    """
    sparse.check()
    padded_rows = parts * (-(-(rows // parts) // BLOCK[0]) * BLOCK[0])
    if rows % parts or sparse.shape != (padded_rows, -(-depth // BLOCK[1]) * BLOCK[1]):
        raise ValueError(f"{rows}x{depth} in {parts} parts is not what {sparse.shape} holds.")
    groups = len(sparse.segments) - 1
    blocks = np.zeros((groups, sparse.columns, *BLOCK), np.int8)
    blocks[np.repeat(np.arange(groups), np.diff(sparse.segments)), sparse.indices] = sparse.blocks
    whole = blocks.transpose(0, 2, 1, 3).reshape(parts, padded_rows // parts, -1)
    return whole[:, : rows // parts, :depth].reshape(rows, depth)


def _split(padded: Int8Array) -> Int8Array:
    """Return `(rows of blocks, columns of blocks, 8, 4)`."""
    rows, depth = padded.shape
    return padded.reshape(rows // BLOCK[0], BLOCK[0], depth // BLOCK[1], BLOCK[1]).transpose(
        0, 2, 1, 3
    )
