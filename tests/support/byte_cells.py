"""Cells with random weights, for the tests of the paper's integers."""

from __future__ import annotations

import numpy as np

from tfpipeline.numerics.byte_cells import SCALARS, CellWeights


def random_cell(
    cell: str,
    features: int = 4,
    units: int = 5,
    rank: int | None = None,
    recurrent_rank: int | None = None,
    classes: int | None = 3,
    spread: float = 0.5,
    seed: int = 0,
) -> CellWeights:
    """Return weights with EdgeML's initial scalars; `rank` is of both kernels."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(scale=spread, size=shape)

    def kernel(rows: int, inner: int | None) -> tuple[np.ndarray, ...]:
        if inner is None:
            return (normal(rows, units),)
        return normal(rows, inner), normal(inner, units)

    starts = {"alpha": -3.0, "beta": 3.0, "zeta": 1.0, "nu": -4.0}
    return CellWeights(
        cell=cell,
        kernel=kernel(features, rank),
        recurrent_kernel=kernel(units, recurrent_rank or rank),
        bias=normal({"fast_rnn": 1, "fast_grnn": 2}[cell], units),
        logits={name: starts[name] for name in SCALARS[cell]},
        classifier=None if classes is None else normal(units, classes),
        classifier_bias=None if classes is None else normal(classes),
    )
