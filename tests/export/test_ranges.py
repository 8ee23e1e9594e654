"""Ranges and scales as numbers: what each rule makes of values that are easy to reckon with."""

from __future__ import annotations

import numpy as np
import pytest

from tfpipeline.export.quantize.quantization import affine, symmetric_int16
from tfpipeline.export.quantize.ranges import CLIPPINGS, minmax, mse, percentile
from tfpipeline.export.recurrent.gate_format import FLOAT_GATES, INT16_GATES
from tfpipeline.export.recurrent.quantize import output_scale


def test_min_max_is_what_was_seen() -> None:
    assert minmax(np.array([3.0, -1.5, 2.0])) == (-1.5, 3.0)
    assert minmax(np.array([2.0, 5.0])) == (2.0, 5.0)


def test_percentiles_leave_out_a_ten_thousandth_on_each_side() -> None:
    values = np.arange(100_001, dtype=np.float64)
    np.testing.assert_allclose(percentile(values), (10.0, 99_990.0))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_range_by_squared_error_contains_zero(sign: float) -> None:
    # Of values far from zero: int8 represents zero exactly, so the range starts there whatever
    # the rule says, and the steps that count are those of that range.
    values = sign * np.random.default_rng(0).uniform(8.0, 9.0, 5000)
    low, high = sorted(sign * np.array(mse(values)))
    assert (low, high) == (0.0, np.abs(values).max())


def test_a_range_by_squared_error_cuts_an_outlier_of_values_far_from_zero() -> None:
    values = np.append(np.random.default_rng(0).uniform(8.0, 9.0, 50_000), 10.0)
    low, high = mse(values)
    # An outlier that costs less than the steps it makes coarser: steps of 1/40 of the range.
    assert low == 0.0
    np.testing.assert_allclose(high, 10.0 * 0.925)


def test_every_rule_has_a_name() -> None:
    assert {"minmax": minmax, "percentile": percentile, "mse": mse} == CLIPPINGS


@pytest.mark.parametrize(
    ("reach", "halvings"),
    [(1.0, 0), (0.51, 0), (0.26, 0), (0.25, 1), (0.13, 1), (0.12, 2), (0.03, 4), (1e-3, 8), (0, 8)],
)
def test_the_output_of_a_layer_has_room_for_twice_what_was_seen(
    reach: float, halvings: int
) -> None:
    assert output_scale(reach) == 2.0**-halvings / 127.0


@pytest.mark.parametrize(
    ("values", "scale", "zero_point"),
    [
        ([-1.0, 1.0], 2 / 255, 0),
        ([0.0, 2.55], 0.01, -128),
        ([1.0, 2.55], 0.01, -128),
        ([-2.55, 0.0], 0.01, 127),
        ([-2.55, -1.0], 0.01, 127),
        ([-0.5, 2.05], 0.01, -78),
        ([0.0, 0.0], 1 / 128, 0),
    ],
)
def test_affine_scales(values: list[float], scale: float, zero_point: int) -> None:
    q = affine(np.array(values))
    assert q.scales()[0] == pytest.approx(scale, rel=1e-6)
    assert q.zero_point == zero_point


def test_int16_scales_are_symmetric() -> None:
    assert symmetric_int16(-2.0, 1.0).scales()[0] == pytest.approx(2.0 / 32767)
    assert symmetric_int16(0.5, 3.0).scales()[0] == pytest.approx(3.0 / 32767)
    assert symmetric_int16(-2.0, 1.0).zero_point == 0
    assert symmetric_int16(0.0, 0.0).scales()[0] == pytest.approx(1e-9 / 32767)


def test_a_range_by_squared_error_is_the_best_of_the_shrunken_ones() -> None:
    values = np.append(np.random.default_rng(1).normal(size=4000), [9.0, -6.0])

    def error(shrink: float) -> float:
        low, high = -6.0 * shrink, 9.0 * shrink
        step = (high - low) / 255
        return float(((np.clip(np.rint(values / step) * step, low, high) - values) ** 2).mean())

    best = min(np.linspace(0.3, 1.0, 29), key=error)
    np.testing.assert_allclose(mse(values), (-6.0 * best, 9.0 * best))


@pytest.mark.parametrize(
    ("reach", "scale"), [(3.0, 2.0**-11), (16.0, 2.0**-11), (20.0, 2.0**-10), (100.0, 2.0**-8)]
)
def test_int16_pre_activations_have_powers_of_two(reach: float, scale: float) -> None:
    q = INT16_GATES.reaching(reach)
    assert q is not None and q.scales()[0] == scale and q.zero_point == 0
    assert FLOAT_GATES.reaching(reach) is None
