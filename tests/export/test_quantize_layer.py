"""Quantizing a layer: the plan describes the same function, within int8's resolution."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from random_step import quantized, random_step
from small_model import FEATURES, walk

from tfpipeline.export.quantize.quantization import UNIT_INT16, affine
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.export.recurrent.fused import fused_options
from tfpipeline.export.recurrent.observe import float_output, observe, parameters_of
from tfpipeline.export.recurrent.quantize import output_scale, unbounded_int16
from tfpipeline.export.recurrent.quantize_kernels import equalize, quantize_kernels
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.quantize import quantize_affine
from tfpipeline.numerics.recurrent import sequence_int8
from tfpipeline.numerics.recurrent_float import sequence_float
from tfpipeline.protocol import RecurrentStep

UNITS = 20


def _factors(
    rng: np.random.Generator, rows: int, columns: int, rank: int
) -> tuple[np.ndarray, ...]:
    """Factors whose components differ by a factor of a hundred, as singular values do."""
    u, _, v = np.linalg.svd(rng.normal(size=(rows, columns)), full_matrices=False)
    sizes = np.sqrt(np.geomspace(3.0, 0.03, rank))
    left = u[:, :rank] * sizes
    return left.astype(np.float32), (sizes[:, None] * v[:rank]).astype(np.float32)


def _step(cell: str, rank: int | None) -> RecurrentStep:
    rng, columns = np.random.default_rng(7), CELLS[cell].rows(UNITS)
    kernel = _factors(rng, FEATURES, columns, rank or 20)
    recurrent = _factors(rng, UNITS, columns, rank or 20)
    if rank is None:
        kernel, recurrent = (kernel[0] @ kernel[1],), (recurrent[0] @ recurrent[1],)
    bias = (0.1 * rng.normal(size=(CELLS[cell].stored_rows, columns))).astype(np.float32)
    if not CELLS[cell].recurrent:
        recurrent = ()
    return random_step(cell, UNITS, FEATURES, kernel=kernel, recurrent_kernel=recurrent, bias=bias)


def test_equalizing_keeps_the_product_and_fills_the_range() -> None:
    rng = np.random.default_rng(0)
    left, right = _factors(rng, 12, 30, 5)
    x = rng.normal(size=(100, 12)).astype(np.float32)
    largest = np.abs(x @ left).max(axis=0)
    (new_left, new_right), scale = equalize((left, right), largest)
    np.testing.assert_allclose(new_left @ new_right, left @ right, atol=1e-6)
    np.testing.assert_allclose(np.abs(x @ new_left).max(axis=0), 1.0, atol=1e-5)
    assert scale == pytest.approx(1 / 127)


def test_a_dead_component_stays_finite() -> None:
    left, right = np.ones((3, 2), np.float32), np.ones((2, 4), np.float32)
    left[:, 1] = 0
    (new_left, new_right), _ = equalize(
        (left, right), (np.ones((5, 3), np.float32) @ left).max(axis=0)
    )
    assert np.isfinite(new_left).all() and np.isfinite(new_right).all()


@pytest.mark.parametrize("rank", [6, None])
@pytest.mark.parametrize("cell", CELLS)
def test_the_plan_run_in_integers_follows_the_float_layer(cell: str, rank: int | None) -> None:
    step, x = _step(cell, rank), walk(16)
    plan, output = quantized(step, x)
    np.testing.assert_allclose(output, float_output(step, x), atol=1e-6)
    of_h = rank if CELLS[cell].recurrent else None
    assert plan.ranks() == {"kernel": rank, "recurrent_kernel": of_h}
    assert tuple(state.name for state in plan.states) == CELLS[cell].states
    assert (plan.states[0].int16 == UNIT_INT16) == CELLS[cell].bounded
    q = affine(x)
    y, _ = sequence_int8(
        quantize_affine(x, q.scales()[0], q.zero_point),
        [0.0] * len(plan.states),
        plan.kernel,
        plan.recurrent_kernel,
        plan.bias,
        x_scale=q.scales()[0],
        x_zero_point=q.zero_point,
        options=fused_options(plan),
    )
    error = y * np.float32(plan.output.scales()[0]) - float_output(step, x)
    # A step of the int8 state is 0.0079; the mean error stays under one of them.
    assert np.abs(error).mean() < 0.0079


@pytest.mark.parametrize("cell", CELLS)
def test_factors_larger_than_their_product_are_multiplied_out(cell: str) -> None:
    step, columns = _step(cell, 20), CELLS[cell].rows(UNITS)
    rng = np.random.default_rng(1)
    wide = dataclasses.replace(
        step,
        kernel=_factors(rng, FEATURES, columns, min(FEATURES, columns)),
        recurrent_kernel=step.recurrent_kernel
        and (rng.normal(size=(UNITS, columns)).astype(np.float32),),
    )
    plan, _ = quantized(wide, walk(4))
    assert plan.ranks() == {"kernel": None, "recurrent_kernel": None}


@pytest.mark.parametrize("cell", CELLS)
def test_last_state_only(cell: str) -> None:
    step = _step(cell, 6)
    last = float_output(dataclasses.replace(step, return_sequences=False), walk(3))
    np.testing.assert_array_equal(last, float_output(step, walk(3))[:, -1])


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_that_runs_backwards_reads_its_input_reversed(cell: str) -> None:
    step, x = _step(cell, 6), walk(3)
    turned = dataclasses.replace(step, go_backwards=True)
    np.testing.assert_array_equal(float_output(turned, x), float_output(step, x[:, ::-1]))
    plan, output = quantized(turned, x)
    np.testing.assert_allclose(output, float_output(turned, x), atol=1e-6)
    assert plan.go_backwards and fused_options(plan).go_backwards


@pytest.mark.parametrize("cell", CELLS)
def test_samples_end_to_end_are_one_stream(cell: str) -> None:
    step, x = _step(cell, 6), walk(20)
    seen, output = observe(step, x, end_to_end=True)
    one = float_output(step, x[:10].reshape(1, -1, x.shape[-1]))
    np.testing.assert_allclose(output[:10].reshape(one.shape), one, atol=1e-6)
    assert output.shape[:2] == x.shape[:2]
    alone, _ = observe(step, x)
    both = alone.and_of(seen)
    assert both.states == tuple(map(max, alone.states, seen.states))
    np.testing.assert_array_equal(both.sums, np.maximum(alone.sums, seen.sums))
    # Of fewer than ten samples some come again; what is returned belongs to those given.
    few, output = observe(step, x[:3], end_to_end=True)
    np.testing.assert_allclose(
        output.reshape(1, -1, step.units), one[:, : 3 * x.shape[1]], atol=1e-6
    )


def test_a_state_without_a_bound_gets_coarser_steps() -> None:
    assert output_scale(3.0, bounded=True) == 1 / 127
    assert output_scale(3.0, bounded=False) == 8 / 127
    assert output_scale(0.1, bounded=False) == output_scale(0.1)


@pytest.mark.parametrize("rank", [6, None])
@pytest.mark.parametrize("cell", CELLS)
def test_what_is_observed_are_magnitudes(cell: str, rank: int | None) -> None:
    step, x = _step(cell, rank), walk(4)
    seen, _ = observe(step, x)
    _, _, taps = sequence_float(
        CELLS[cell],
        x,
        None,
        step.kernel,
        step.recurrent_kernel,
        step.bias,
        taps=True,
        parameters=parameters_of(step),
        dtype=np.float32,
    )
    assert taps is not None
    for name in ("a_x", "a_h", "p_x", "p_h"):
        values, found = getattr(taps, name), getattr(seen, name)
        assert (found is None) == (values is None)
        if values is not None:
            np.testing.assert_array_equal(
                found, np.maximum(values.max((0, 1)), -values.min((0, 1)))
            )
    sums = taps.p_x + taps.p_h
    np.testing.assert_array_equal(seen.sums, np.maximum(sums.max((0, 1)), -sums.min((0, 1))))
    np.testing.assert_array_equal(seen.highest, sums.max((0, 1)))
    assert (seen.highest < seen.sums).any()
    assert seen.states == tuple(max(h.max(), -h.min()) for h in taps.states)


@pytest.mark.parametrize(
    ("largest", "reach"), [(0.0, 1.0), (0.5, 1.0), (0.6, 2.0), (3.0, 8.0), (100.0, 256.0)]
)
def test_an_unbounded_int16_state_reaches_twice_as_far_as_calibration(
    largest: float, reach: float
) -> None:
    q = unbounded_int16(largest)
    assert q.scales() == [reach / 32768.0] and q.zero_point == 0


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.5, 2.0), (-4.0, -1.0), (0.0, 0.0)])
def test_affine_represents_zero_exactly_and_covers_the_range(low: float, high: float) -> None:
    q = affine(np.array([low, high]))
    scale = q.scales()[0]
    assert -128 <= q.zero_point <= 127
    assert scale * (-128 - q.zero_point) <= low + scale / 2
    assert scale * (127 - q.zero_point) >= high - scale / 2


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("unit", [1e-3, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("per_channel", [True, False])
def test_units_of_features_do_not_coarsen_the_other_kernel(
    bits: int, unit: float, per_channel: bool
) -> None:
    """Features in another unit have a kernel as much larger or smaller, and the same function."""
    rng = np.random.default_rng(3)
    kernels = [(rng.normal(size=(rows, 40)).astype(np.float32),) for rows in (9, 20)]
    kernels[0] = (kernels[0][0] / np.float32(unit),)
    found = quantize_kernels(*kernels, None, None, 40, bits, per_channel)
    for (matrix,), (values,) in zip((found.kernel, found.recurrent_kernel), kernels, strict=True):
        error = matrix.values * matrix.scales[:, None] - values.T
        finest = quantize_rows(values.T, bits, per_channel)
        own = finest.values * finest.scales[:, None] - values.T
        growth = np.sqrt(np.mean(error**2) / np.mean(own**2))
        # Of eight bits one may be lost for a product of both at once, of four half a bit.
        assert growth <= 1.05 * (2.0 if bits == 8 else math.sqrt(2.0)), growth
    shared = np.array_equal(found.kernel[0].scales, found.recurrent_kernel[0].scales)
    assert shared == (unit == 1.0)


def test_kernels_of_products_that_stay_apart_keep_their_scales() -> None:
    """As in files with float32 activations."""
    rng = np.random.default_rng(4)
    kernels = [(rng.normal(size=(rows, 40)).astype(np.float32),) for rows in (9, 20)]
    found = quantize_kernels(*kernels, None, None, 40, 4, joined=False)
    for (matrix,), (values,) in zip((found.kernel, found.recurrent_kernel), kernels, strict=True):
        np.testing.assert_array_equal(matrix.scales, quantize_rows(values.T, 4).scales)
