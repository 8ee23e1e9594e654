"""Quantizing a layer: the plan describes the same function, within int8's resolution."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from small_model import FEATURES, walk

from tfpipeline.export.quantize.quantization import affine
from tfpipeline.export.recurrent.gru_plan import gru_float_output as float_output
from tfpipeline.export.recurrent.gru_plan import plan_gru
from tfpipeline.export.recurrent.quantize import equalize as _equalize
from tfpipeline.numerics.quantize import quantize_affine
from tfpipeline.numerics.recurrent import sequence_int8
from tfpipeline.numerics.recurrent_options import RecurrentOptions
from tfpipeline.protocol import RecurrentStep


def _factors(
    rng: np.random.Generator, rows: int, columns: int, rank: int
) -> tuple[np.ndarray, ...]:
    """Factors whose components differ by a factor of a hundred, as singular values do."""
    u, _, v = np.linalg.svd(rng.normal(size=(rows, columns)), full_matrices=False)
    sizes = np.sqrt(np.geomspace(3.0, 0.03, rank))
    left = u[:, :rank] * sizes
    return left.astype(np.float32), (sizes[:, None] * v[:rank]).astype(np.float32)


def _step(rank: int | None) -> RecurrentStep:
    rng = np.random.default_rng(7)
    units = 20
    kernel = _factors(rng, FEATURES, 3 * units, rank or 20)
    recurrent = _factors(rng, units, 3 * units, rank or 20)
    if rank is None:
        kernel, recurrent = (kernel[0] @ kernel[1],), (recurrent[0] @ recurrent[1],)
    return RecurrentStep(
        cell="gru",
        units=units,
        kernel=kernel,
        recurrent_kernel=recurrent,
        bias=(0.1 * rng.normal(size=(2, 3 * units))).astype(np.float32),
        activation="tanh",
        recurrent_activation="sigmoid",
        attributes={"reset_after": True},
        return_sequences=True,
        return_state=False,
        go_backwards=False,
        stateful=False,
    )


def test_equalizing_keeps_the_product_and_fills_the_range() -> None:
    rng = np.random.default_rng(0)
    left, right = _factors(rng, 12, 30, 5)
    intermediate = rng.normal(size=(100, 12)).astype(np.float32) @ left
    (new_left, new_right), scale = _equalize((left, right), intermediate)
    np.testing.assert_allclose(new_left @ new_right, left @ right, atol=1e-6)
    reach = np.abs(intermediate / np.abs(intermediate).max(0)).max(0)
    np.testing.assert_allclose(reach, 1.0, atol=1e-6)
    assert scale == pytest.approx(1 / 127)


def test_a_dead_component_stays_finite() -> None:
    left, right = np.ones((3, 2), np.float32), np.ones((2, 4), np.float32)
    left[:, 1] = 0
    (new_left, new_right), _ = _equalize((left, right), np.ones((5, 3), np.float32) @ left)
    assert np.isfinite(new_left).all() and np.isfinite(new_right).all()


@pytest.mark.parametrize("rank", [6, None])
def test_the_plan_run_in_integers_follows_the_float_layer(rank: int | None) -> None:
    step, x = _step(rank), walk(16)
    plan, output = plan_gru("layer", step, x)
    np.testing.assert_allclose(output, float_output(step, x), atol=1e-6)
    assert plan.ranks() == {"kernel": rank, "recurrent_kernel": rank}
    q = affine(x)
    y, _ = sequence_int8(
        quantize_affine(x, q.scales()[0], q.zero_point),
        (0.0,),
        plan.kernel,
        plan.recurrent_kernel,
        plan.bias,
        x_scale=q.scales()[0],
        x_zero_point=q.zero_point,
        options=RecurrentOptions(
            cell="gru",
            units=20,
            input_dim=FEATURES,
            rank_x=rank or 0,
            rank_h=rank or 0,
            scale_a_x=plan.kernel_scale or 1.0,
            scale_a_h=plan.recurrent_scale or 1.0,
            scale_h=plan.output.scales()[0],
        ),
    )
    error = y * np.float32(plan.output.scales()[0]) - float_output(step, x)
    # A step of the int8 state is 0.0079; the mean error stays under one of them.
    assert np.abs(error).mean() < 0.0079


def test_factors_larger_than_their_product_are_multiplied_out() -> None:
    step = _step(20)
    wide = dataclasses.replace(step, kernel=_factors(np.random.default_rng(1), FEATURES, 60, 39))
    plan, _ = plan_gru("layer", wide, walk(4))
    assert plan.ranks() == {"kernel": None, "recurrent_kernel": None}


def test_last_state_only() -> None:
    step = _step(6)
    last = float_output(dataclasses.replace(step, return_sequences=False), walk(3))
    np.testing.assert_array_equal(last, float_output(step, walk(3))[:, -1])


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.5, 2.0), (-4.0, -1.0), (0.0, 0.0)])
def test_affine_represents_zero_exactly_and_covers_the_range(low: float, high: float) -> None:
    q = affine(np.array([low, high]))
    scale = q.scales()[0]
    assert -128 <= q.zero_point <= 127
    assert scale * (-128 - q.zero_point) <= low + scale / 2
    assert scale * (127 - q.zero_point) >= high - scale / 2
