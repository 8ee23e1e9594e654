"""Rows that are sums of binary planes: split into them, chosen where they are smaller, and said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_step import quantized, random_step

from tfpipeline.export.modes import ModeTable
from tfpipeline.export.quantize.binary_planes import are_smaller, split_planes
from tfpipeline.export.quantize.few_bits import written_kernels
from tfpipeline.export.recurrent.fused import fused_options
from tfpipeline.export.recurrent.wide_weights import plane_layers, wide_layers
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.low_bit import alternating
from tfpipeline.protocol import LayerNorm, RecurrentStep

UNITS = 24


def planes_of(columns: int, depth: int, bits: int, seed: int = 0) -> tuple[np.ndarray, Any]:
    """A matrix `(depth, columns)` of alternating quantization, and its codes."""
    w = np.random.default_rng(seed).normal(size=(depth, columns)).astype(np.float32)
    codes = alternating(w, bits)
    return codes.values().astype(np.float32), codes


def ordered(codes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Planes `(planes, columns, depth)` and scales as files have them: positive, the largest first.

    The codes of a row are those of training up to that: a plane may change its place, and all its
    signs with that of its scale.
    """
    scales, planes = codes.scale[:, 0], np.swapaxes(codes.integers, 1, 2).astype(int)
    planes = planes * np.sign(scales).astype(int)[:, :, None]
    order = np.argsort(-np.abs(scales), axis=0)
    planes = np.take_along_axis(planes, order[:, :, None], 0)
    return planes, np.take_along_axis(np.abs(scales), order, 0)


@given(
    st.integers(1, 3), st.integers(1, 5), st.sampled_from([40, 64, 100, 257]), st.integers(0, 999)
)
@settings(deadline=None, max_examples=12)
def test_the_codes_are_those_that_trained(bits: int, columns: int, depth: int, seed: int) -> None:
    matrix, codes = planes_of(columns, depth, bits, seed)
    found = split_planes(matrix.T)
    assert found is not None and (found.planes, found.bits) == (bits, 2)
    planes, scales = ordered(codes)
    np.testing.assert_array_equal(found.values.reshape(bits, columns, depth), planes)
    np.testing.assert_allclose(found.scales.reshape(bits, columns), scales, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.real(), matrix.T, rtol=0, atol=2e-6 * np.abs(matrix).max())


@given(st.lists(st.floats(0.0625, 1.0, width=32), min_size=1, max_size=3), st.integers(0, 999))
@settings(deadline=None, max_examples=20)
def test_rows_of_any_scales_are_what_they_were(scales: list[float], seed: int) -> None:
    """Equal scales, sums that are zero, and levels that do not occur."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (len(scales), 4, 12))
    matrix = np.tensordot(np.float32(scales), signs.astype(np.float32), 1)
    found = split_planes(matrix)
    assert found is not None and found.planes <= len(scales)
    np.testing.assert_allclose(found.real(), matrix, rtol=0, atol=4e-6 * np.abs(matrix).max())


def test_rows_of_fewer_planes_have_zeros_in_the_others() -> None:
    matrix = np.array([[3, 1, -3, -1], [2, -2, 2, 2], [0, 0, 0, 0]], np.float32)
    found = split_planes(matrix)
    assert found is not None and found.planes == 2
    first, second = (plane.values for plane in found.split())
    np.testing.assert_array_equal(first, [[1, 1, -1, -1], [1, -1, 1, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(second, [[1, -1, -1, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(found.real(), matrix)
    assert (found.scales > 0).all()


def test_other_rows_are_no_planes() -> None:
    rng = np.random.default_rng(0)
    assert split_planes(rng.normal(size=(3, 9)).astype(np.float32)) is None
    four, _ = planes_of(2, 300, 4)
    assert split_planes(four.T) is None
    # Four magnitudes that are no sums of three scales: 7 is 3 + 4, but 8 - 4 - 3 is not 2.
    assert split_planes(np.array([[8, 5, 4, 2]], np.float32)) is None
    assert split_planes(np.array([[8, 5, 4, 1]], np.float32)) is not None


@pytest.mark.parametrize(("bits", "smaller", "larger"), [(2, 28, 24), (3, 100, 96)])
def test_planes_are_smaller_from_a_width_on(bits: int, smaller: int, larger: int) -> None:
    for depth, expected in ((smaller, True), (larger, False)):
        matrix = np.tensordot(
            np.float32([1.0, 0.5, 0.25][:bits]),
            np.random.default_rng(1).choice([-1.0, 1.0], (bits, 3, depth)).astype(np.float32),
            1,
        )
        found = split_planes(matrix)
        assert found is not None and found.planes == bits
        assert are_smaller([found]) == expected


def step_of(
    cell: str, bits: int, depth: int = 40, units: int = 40, **options: Any
) -> RecurrentStep:
    columns = CELLS[cell].rows(units)
    recurrent = (planes_of(columns, units, bits, 1)[0],) if CELLS[cell].recurrent else ()
    kernel = (planes_of(columns, depth, bits, 2)[0],)
    return random_step(cell, units, depth, kernel=kernel, recurrent_kernel=recurrent, **options)


@pytest.mark.parametrize("cell", CELLS)
def test_a_plan_has_the_planes_of_both_kernels(cell: str) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 40)).astype(np.float32)
    step = step_of(cell, 2)
    plan, _ = quantized(step, x, 2)
    recurrent = CELLS[cell].recurrent
    assert plan.planes() == (2, 2 if recurrent else 1)
    for matrices, kernel in (
        (plan.kernel, step.kernel),
        (plan.recurrent_kernel, step.recurrent_kernel),
    ):
        for matrix, given_matrix in zip(matrices, kernel, strict=True):
            np.testing.assert_allclose(matrix.real(), given_matrix.T, rtol=0, atol=1e-5)
    options = fused_options(plan)
    assert (options.planes_x, options.planes_h) == plan.planes()
    said = "kernel of 2 binary planes" + recurrent * " and recurrent kernel of 2 binary planes"
    assert plane_layers([plan]) == {"layer": f"{said}, as they trained"}
    assert wide_layers([plan], ModeTable("w2a8", {}, ["layer"])) == {}
    eight, _ = quantized(step, x, 8)
    assert eight.planes() == (1, 1) and plane_layers([eight]) == {}


def test_what_a_plane_reaches_counts() -> None:
    """Planes that nearly cancel each other: each goes much further than their sum."""
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], (40, 160)).astype(np.float32)
    second = np.where(rng.random(signs.shape) < 0.1, signs, -signs)
    kernel = (0.5 * signs + 0.45 * second,)
    step = replace(step_of("lstm", 2), kernel=kernel)
    x = rng.normal(size=(4, 6, 40)).astype(np.float32)
    plan, _ = quantized(step, x, 2)
    largest = np.abs(x.reshape(-1, 40) @ (0.5 * signs)).max(axis=0)
    assert plan.planes() == (2, 2)
    assert (plan.reach["x"] >= largest * (1 - 1e-5)).all()


def test_why_kernels_have_eight_bits() -> None:
    rows = CELLS["gru"].rows(40)
    gains = np.ones((2, rows), np.float32)
    left, right = planes_of(10, 40, 2)[0], planes_of(rows, 10, 2)[0]
    for step, why in (
        (step_of("gru", 4), "binary planes, which are no smaller"),
        (step_of("gru", 3), "binary planes, which would take more bytes"),
        (step_of("gru", 2, 12, 12), "binary planes, which would take more bytes"),
        (
            step_of("gru", 2, layer_norm=LayerNorm(gains, 1e-3)),
            "planes, which no products have that",
        ),
        # Their scales make up for those of the vector between them.
        (replace(step_of("gru", 2), kernel=(left, right)), "and it has rows of"),
    ):
        kernel, recurrent, bits = written_kernels(step, 2)
        assert bits == 8
        depth = step.kernel[0].shape[0]
        x = np.random.default_rng(0).normal(size=(2, 4, depth)).astype(np.float32)
        plan, _ = quantized(step, x, 2)
        assert plan.planes() == (1, 1) and plane_layers([plan]) == {}
        (reason,) = wide_layers([plan], ModeTable("w2a8", {}, ["layer"])).values()
        assert why in reason
