"""Layers with 8x4 blocks of zeros, for the tests of block-sparse weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from factored_models import FactoredCase, make_factored
from fully_connected_models import LayerCase, make_layer
from recurrent_models import Case, make_case

from tfpipeline.numerics.block_sparse import BLOCK
from tfpipeline.numerics.recurrent import QuantizedMatrix


def with_zeros(
    values: np.ndarray, share: float, rng: np.random.Generator, parts: int = 1
) -> np.ndarray:
    """int8 values, of which a share of the blocks of each part is zeros."""
    rows = len(values) // parts
    shape = [-(-size // side) for size, side in zip((rows, values.shape[1]), BLOCK, strict=True)]
    kept = []
    for _ in range(parts):
        blocks = rng.random(shape) >= share
        whole = blocks.repeat(BLOCK[0], axis=0).repeat(BLOCK[1], axis=1)
        kept.append(whole[:rows, : values.shape[1]])
    return np.where(np.concatenate(kept), values, 0).astype(np.int8)


def sparse_recurrent(
    cell: str,
    ranks: tuple[int, int],
    zeros: float,
    names: tuple[str, ...],
    units: int = 37,
    input_dim: int = 11,
) -> Case:
    """A recurrent layer whose matrices `names` are stored without their blocks of zeros."""
    case = make_case(
        units=units, input_dim=input_dim, rank_x=ranks[0], rank_h=ranks[1], cell=cell, batch=2
    )
    rng, gates = np.random.default_rng(1), len(case.cell.gates)

    def pruned(matrices: tuple[QuantizedMatrix, ...]) -> tuple[QuantizedMatrix, ...]:
        return tuple(
            replace(m, values=with_zeros(m.values, zeros, rng, gates if m is matrices[-1] else 1))
            for m in matrices
        )

    return replace(
        case,
        kernel=pruned(case.kernel),
        recurrent_kernel=pruned(case.recurrent_kernel),
        sparse=names,
    )


def sparse_layer(rows: int, depth: int, batch: int, zeros: float, dtype: type) -> LayerCase:
    """A fully connected layer with blocks of zeros."""
    case = make_layer(rows, depth, batch, dtype=dtype, seed=batch)
    return replace(case, weights=with_zeros(case.weights, zeros, np.random.default_rng(2)))


def sparse_pair(
    rows: int, depth: int, rank: int, batch: int, zeros: float, dtype: type, per_row: bool = True
) -> FactoredCase:
    """A factored layer of which both matrices have blocks of zeros."""
    case = make_factored(rows, depth, rank, batch, dtype=dtype, per_row=per_row, seed=batch)
    rng = np.random.default_rng(3)
    first, last = (
        replace(factor, values=with_zeros(factor.values, zeros, rng))
        for factor in (case.first, case.last)
    )
    return replace(case, first=first, last=last)
