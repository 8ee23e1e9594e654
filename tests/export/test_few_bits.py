"""Weights that few bits hold exactly are written as they were trained, whatever their rank."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from pruned_models import zero_blocks
from random_step import quantized, random_step
from recurrent_kinds import TWIN_KINDS
from small_model import FEATURES, walk
from two_bit_weights import two_bit_weights

from tfpipeline.export import Tolerances, export
from tfpipeline.export.quantize.few_bits import held_exactly, smallest_form, written_kernels
from tfpipeline.layers import FactoredDense
from tfpipeline.numerics.cells import CELLS

pytestmark = pytest.mark.slow

UNITS = 24


def ternary(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """-s, 0 and s with a scale s of each column: of each output."""
    scales = rng.uniform(0.5, 1.0, columns) / np.sqrt(rows)
    return (rng.integers(-1, 2, (rows, columns)) * scales).astype(np.float32)


def codes(factor: np.ndarray) -> np.ndarray:
    """The trained codes as a file holds them: `(out, in)`."""
    return np.sign(factor.T).astype(np.int8)


def trained(layer: keras.layers.Layer) -> tuple[keras.Model, list[np.ndarray]]:
    """A model with ternary factors of full rank, and the layer's factors."""
    rng = np.random.default_rng(4)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer, keras.layers.Dense(3)])
    for variable in model.variables:
        if "bias" in variable.path:
            variable.assign(0.2 * rng.normal(size=variable.shape))
    factors = []
    for factor in layer.factors():
        for part in (factor.left, factor.right):
            part.assign(ternary(rng, *part.shape))
            factors.append(np.asarray(part))
    return model, factors


@pytest.mark.parametrize("mode", ["int2", "int8x2"])
@pytest.mark.parametrize("kind", [*(k.factored for k in TWIN_KINDS.values()), FactoredDense])
def test_ternary_factors_of_full_rank_are_written_as_trained(
    target: Path, kind: type, mode: str
) -> None:
    layer = kind(UNITS, rank="full", name="layer")
    model, factors = trained(layer)
    x = walk(12, frames=48)
    report = export(
        model, target, quantize=mode, calibration=x, streaming="both", tolerances=Tolerances(0, 0.1)
    )
    assert report.portable is not None
    stored = two_bit_weights(report.portable)
    for factor in factors:
        # A product of some rows only is a part of its matrix.
        wanted = codes(factor)
        rows = [tuple(row) for matrix in stored for row in matrix if len(row) == wanted.shape[1]]
        assert {tuple(row) for row in wanted} <= set(rows)
    # Multiplied out and cut to two bits it was more than half of the output.
    assert all(form.channel_error < 0.05 for form in report.forms)


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("cell", CELLS)
def test_both_kernels_of_a_plan_are_the_trained_ones(cell: str, bits: int) -> None:
    rng, columns = np.random.default_rng(0), CELLS[cell].rows(UNITS)
    factors = [
        (ternary(rng, rows, rows), ternary(rng, rows, columns)) for rows in (FEATURES, UNITS)
    ]
    if not CELLS[cell].recurrent:
        factors[1] = ()
    step = random_step(cell, UNITS, FEATURES, kernel=factors[0], recurrent_kernel=factors[1])
    made, _ = quantized(step, walk(4), bits)
    assert {matrix.bits for matrix in (*made.kernel, *made.recurrent_kernel)} == {bits}
    for matrices, trained_factors in zip(
        (made.kernel, made.recurrent_kernel), factors, strict=True
    ):
        for matrix, factor in zip(matrices, trained_factors, strict=True):
            np.testing.assert_allclose(
                matrix.values * matrix.scales[:, None], factor.T, rtol=1e-5, atol=1e-7
            )


def test_matrices_are_chosen_before_their_bits() -> None:
    rng = np.random.default_rng(1)
    left, right = ternary(rng, 8, 8), ternary(rng, 8, 24)
    recurrent = (ternary(rng, 8, 24),)
    step = random_step("gru", 8, 8, kernel=(left, right), recurrent_kernel=recurrent)
    kernel, _, bits = written_kernels(step, 2)
    assert (len(kernel), bits) == (2, 2)
    # Eight bits lose nothing, and the product is smaller than its factors.
    kernel, _, bits = written_kernels(step, 8)
    assert (len(kernel), bits) == (1, 8)
    # One matrix that is not ternary leaves the layer eight bits: then products are no loss.
    odd = replace(step, recurrent_kernel=(rng.normal(size=(8, 24)).astype(np.float32),))
    kernel, _, bits = written_kernels(odd, 2)
    assert (len(kernel), bits) == (1, 8)
    # Factors of a ternary matrix that are not ternary themselves: their product is.
    u, s, v = np.linalg.svd(right, full_matrices=False)
    split = replace(step, kernel=((u * s).astype(np.float32), v.astype(np.float32)))
    kernel, _, bits = written_kernels(split, 2)
    assert (len(kernel), bits) == (1, 2)


def test_what_four_bits_hold() -> None:
    levels = np.array([[7, 1, -3], [-7, 0, 5]], np.float32) * np.float32(0.1)
    assert held_exactly((levels.T,), 4) and not held_exactly((levels.T,), 2)
    assert not held_exactly((levels.T + 0.01,), 4)
    assert not held_exactly((levels.T,), 8)
    assert held_exactly((np.zeros((3, 2), np.float32),), 4)


def test_of_two_forms_the_smaller_is_written() -> None:
    rng = np.random.default_rng(3)
    low = (rng.normal(size=(10, 2)), rng.normal(size=(2, 10)))
    high = (rng.normal(size=(10, 5)), rng.normal(size=(5, 10)))
    assert len(smallest_form(low, 8)) == 2
    # Equal numbers of weights: one product is faster than two.
    assert len(smallest_form(high, 8)) == 1


def test_blocks_of_zeros_do_not_count() -> None:
    rng = np.random.default_rng(3)
    square, wide = (rng.normal(size=shape) for shape in ((32, 32), (32, 96)))
    assert len(smallest_form((square, wide), 8, gates=3)) == 1
    for share, matrices in ((0.5, 1), (0.7, 2)):
        pruned = zero_blocks(square, share, rng), zero_blocks(wide, share, rng, gates=3)
        assert len(smallest_form(pruned, 8, gates=3)) == matrices
        # Weights of four bits are stored whole.
        assert len(smallest_form(pruned, 4, gates=3)) == 1
