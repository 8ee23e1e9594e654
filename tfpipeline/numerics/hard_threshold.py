"""Hard thresholding of weight matrices: which weights, or blocks of them, are kept."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Block = tuple[int, int]


def threshold_index(count: int, density: float) -> int:
    """Return the place of the threshold among `count` ascending scores.

    It is the percentile 100 (1 - density), taken upwards where it lies between two scores, so that
    at most ceil(density count) scores reach it, and at least one.

    >>> threshold_index(6, 0.5)
    3
    """
    places = np.arange(count)
    return int(np.percentile(places, 100 * (1 - density), method="higher"))


def gate_blocks(rows: int, depth: int, block: Block, gates: int = 1) -> tuple[Block, Block]:
    """Return how many blocks a gate has, and the size to which zeros fill it up.

    Args:
        rows, depth: of the weight matrix `[rows, depth]`; its rows are those of `gates` gates.
        block: `(rows, inputs)` of a block.
        gates: gates, which share no block.

    Returns:
        `(blocks of rows, blocks of inputs)` and `(rows, inputs)` of a gate with its filling.
    """
    blocks = math.ceil(rows // gates / block[0]), math.ceil(depth / block[1])
    return blocks, (blocks[0] * block[0], blocks[1] * block[1])


def block_energies(matrix: NDArray, block: Block, gates: int = 1) -> NDArray:
    """Return the sum of squares of each block, `(gates, blocks of rows, blocks of inputs)`.

    Blocks at the edges have what is left.
    """
    rows, depth = matrix.shape
    blocks, filled = gate_blocks(rows, depth, block, gates)
    units = rows // gates
    padded = np.zeros((gates, *filled), matrix.dtype)
    padded[:, :units, :depth] = matrix.reshape(gates, units, depth)
    parts = padded.reshape(gates, blocks[0], block[0], blocks[1], block[1])
    return np.square(parts).sum(axis=(2, 4))


def hard_threshold_mask(
    matrix: NDArray, density: float, block: Block | None = None, gates: int = 1
) -> NDArray[np.bool_]:
    """Return which weights a projection to `density` keeps: those of the largest scores.

    A score is a weight's magnitude or a block's L2 norm: with equal blocks, zeroing the least of
    them is the projection to the nearest matrix with so many blocks. What is strictly smaller than
    the threshold (`threshold_index`) goes, so that equal scores stay or go together. Kusupati et
    al. (2018), "FastGRNN", section 3.2.2, and the rule of the authors' code.

    Args:
        matrix: `[rows, depth]`, as a `.tflite` file has it (the transpose of a Keras kernel).
            Without `block` it may have any shape.
        density: share that is kept, in (0, 1]; 1 keeps all.
        block: `(rows, inputs)` of the blocks that stay or go; None takes single weights.
        gates: equal parts of the rows that share no block.

    >>> hard_threshold_mask(np.array([[0.1, -0.5, 0.3], [0.05, 0.9, -0.2]]), 0.5).astype(int)
    array([[0, 1, 1],
           [0, 1, 0]])
    """
    scores = np.abs(matrix) if block is None else block_energies(matrix, block, gates)
    index = threshold_index(scores.size, density)
    kept = scores >= np.partition(scores, index, axis=None)[index]
    if block is None:
        return kept
    rows, depth = matrix.shape
    whole = kept.repeat(block[0], axis=1).repeat(block[1], axis=2)
    return whole[:, : rows // gates, :depth].reshape(rows, depth)
