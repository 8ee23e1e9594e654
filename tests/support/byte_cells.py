"""Cells with random weights, for the tests of the paper's integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfpipeline.numerics.byte_cells import SCALARS, CellWeights, IntegerCell


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


def integer_twin(cell: IntegerCell, x: Sequence[int], h: Sequence[int]) -> tuple[list[int], int]:
    """One step of one sample in Python's integers, which have no end, and the largest of them.

    It follows the docstrings of `fixed_point`, `integer_sums` and `integer_cell`, and shares
    nothing with them but the constants that a C header would have.
    """
    largest = 0

    def seen(value: int) -> int:
        nonlocal largest
        largest = max(largest, abs(value))
        return value

    def shift(value: int, bits: int) -> int:
        return seen(value + 2 ** (bits - 1)) // 2**bits if bits else value

    def clip(value: int, low: int, high: int) -> int:
        return max(low, min(high, value))

    def dot(vector: Sequence[int], matrix: np.ndarray) -> list[int]:
        sums = []
        for column in matrix.T.tolist():
            total = 0
            for a, b in zip(vector, column, strict=True):
                total = seen(total + a * b)
            sums.append(total)
        return sums

    def product(vector: Sequence[int], matrices: tuple[np.ndarray, ...], bits: int) -> list[int]:
        inner = [shift(v, bits) for v in dot(vector, matrices[0])]
        if len(matrices) == 2:
            return dot(inner, matrices[1])
        return [seen(v * weights.scale) for v in inner] if factored else inner

    def unit(value: int) -> int:
        kept = shift(clip(value, -cell.unit.one, cell.unit.one), cell.unit.before)
        return clip(shift(seen(kept * cell.unit.multiplier), cell.unit.after), -(2**14), 2**14)

    weights, more = cell.weights, cell.state_bits - cell.x_bits
    factored = len(weights.kernel) == 2 or len(weights.recurrent_kernel) == 2
    of_x = product(x, weights.kernel, cell.sums.shift)
    of_h = product(h, weights.recurrent_kernel, cell.sums.shift + more)
    found = []
    for unit_index, old in enumerate(h):
        p = seen(of_x[unit_index] + of_h[unit_index])
        bias = [int(row[unit_index]) for row in cell.sums.bias]
        n = shift(unit(seen(p + bias[-1])), 14 - cell.state_bits)
        if weights.cell == "fast_rnn":
            update = seen(seen(cell.scalars["alpha"] * n) + seen(cell.scalars["beta"] * old))
        else:
            reach = cell.unit.one * 2**cell.gate_shift
            z = unit(shift(clip(seen(p + bias[0]), -reach, reach), cell.gate_shift)) + 2**14
            g = shift(seen(cell.scalars["zeta"] * (2**15 - z)), 15) + cell.scalars["nu"]
            update = seen(seen(g * n) + seen(z * old))
        new = clip(shift(update, 15), -(2**15), 2**15 - 1)
        new = clip(shift(seen(cell.gain * new), 15) + cell.offset, -(2**15), 2**15 - 1)
        found.append(clip(new, -cell.limit, cell.limit))
    return found, largest


def exact_step(cell: IntegerCell, x: np.ndarray, h: np.ndarray, **control: float) -> np.ndarray:
    """The same step in float64, of the numbers that the integers stand for."""
    weights = cell.weights
    x, h = x / 2**cell.x_bits, h / 2**cell.state_bits
    p = h * 0.0
    for vector, matrices in ((x, weights.kernel), (h, weights.recurrent_kernel)):
        product = vector
        for matrix in matrices:
            product = product @ (matrix / weights.scale)
        p = p + product
    bias = weights.bias / weights.scale
    s = {name: value / 1000 for name, value in weights.scalars.items()}
    n = np.clip(p + bias[-1], -1, 1)
    if weights.cell == "fast_rnn":
        new = s["alpha"] * n + s["beta"] * h
    else:
        width = 2 * 2**cell.gate_shift
        z = np.clip((p + bias[0] + width / 2) / width, 0, 1)
        new = (s["zeta"] * (1 - z) + s["nu"]) * n + z * h
    low, high = -(2**15) / 2**cell.state_bits, (2**15 - 1) / 2**cell.state_bits
    new = np.clip(new, low, high)
    new = np.clip(control.get("gain", 1.0) * new + control.get("offset", 0.0), low, high)
    limit = min(high, control.get("h_clip", high))
    return np.asarray(np.clip(new, -limit, limit))
