"""How far rows of pre-activations reach: what a gate can still see, and no further."""

from __future__ import annotations

import numpy as np
import pytest

from tfpipeline.export.recurrent.gate_names import saturation
from tfpipeline.export.recurrent.gate_reach import (
    holding_reach,
    row_reaches,
)
from tfpipeline.export.recurrent.observe import observe
from tfpipeline.protocol import RecurrentStep

HEADROOM = 1.25
SATURATION, TANH_SATURATION = saturation("sigmoid"), saturation("tanh")


def _reach(
    x: list[float], h: list[float], heard: float = SATURATION, summed_rows: int | None = None
) -> dict[str, np.ndarray]:
    rows = len(x)
    summed = rows if summed_rows is None else summed_rows
    return _of(np.array([x]), np.array([h]), np.full(rows, heard), summed)


def _of(
    x: np.ndarray,
    h: np.ndarray,
    heard: np.ndarray,
    summed_rows: int,
    holding: slice = slice(0),
) -> dict[str, np.ndarray]:
    """The reaches of rows whose products were `x` and `h`, each `(samples, rows)`."""
    seen = (np.abs(values).max(axis=0) for values in (x, h, x + h))
    return row_reaches(*seen, heard, summed_rows, holding)


def test_a_loud_row_is_cut_where_the_gate_is_saturated_whatever_is_added() -> None:
    reach = _reach([600.0, -600.0], [3.0, 1.0])
    np.testing.assert_allclose(reach["x"], [8 + 3 * HEADROOM, 8 + 1 * HEADROOM])
    np.testing.assert_allclose(reach["h"], [3 * HEADROOM, 1 * HEADROOM])
    np.testing.assert_allclose(reach["sum"], [8, 8])


def test_the_state_s_part_may_be_the_loud_one() -> None:
    reach = _reach([3.0], [100.0])
    np.testing.assert_allclose(reach["x"], [3 * HEADROOM])
    np.testing.assert_allclose(reach["h"], [8 + 3 * HEADROOM])


def test_a_part_that_is_multiplied_before_it_is_added_is_never_cut() -> None:
    # tanh(x + r h): a small r brings a large h back into what is heard.
    reach = _reach([1.0, 1.0], [100.0, 100.0], TANH_SATURATION, summed_rows=1)
    np.testing.assert_allclose(reach["h"], [4 + HEADROOM, 100 * HEADROOM])
    loud = _reach([1.0, 100.0], [1.0, 2.0], TANH_SATURATION, summed_rows=1)
    np.testing.assert_allclose(loud["x"], [1 * HEADROOM, 4 + 2 * HEADROOM])


def test_rows_have_reaches_of_their_own_down_to_a_quarter_of_the_widest() -> None:
    reach = _reach([4.0, 2.0, 0.001], [0.4, 0.2, 0.001])
    np.testing.assert_allclose(reach["x"], np.array([4.0, 2.0, 1.0]) * HEADROOM)
    np.testing.assert_allclose(reach["h"], np.array([0.4, 0.2, 0.1]) * HEADROOM)


def test_what_was_never_seen_may_be_as_large_as_one() -> None:
    # As of the state in calibration sequences of one step.
    np.testing.assert_array_equal(_reach([1.0], [0.0])["h"], [1.0])
    np.testing.assert_allclose(_reach([0.011], [0.0])["x"], [0.01375])


def test_sums_of_a_gate_that_holds_the_state_reach_as_far_as_they_are_heard() -> None:
    x, h = np.array([[2.0, 2.0, 0.5]]), np.zeros((1, 3))
    reach = _of(x, h, np.array([11.0, 8.0, 8.0]), 3, slice(0, 1))
    np.testing.assert_allclose(reach["sum"], [11.0, 2 * HEADROOM, 0.5 * HEADROOM])


@pytest.mark.parametrize(
    ("holding", "reach"), [([-3.0, 11.0, 9.0], 11.0), ([3.0, 1.0], 8.0), ([9.0, 40.0], 16.0)]
)
def test_the_gate_that_holds_the_state_is_heard_as_far_as_its_widest_row(
    holding: list[float], reach: float
) -> None:
    assert holding_reach(np.array(holding)) == reach


def test_quiet_rows_get_a_quarter_of_what_a_cut_row_keeps() -> None:
    # The cut row keeps what its gate hears and what the other part can add to it.
    reach = _reach([600.0, 0.1], [3.0, 0.1])
    np.testing.assert_allclose(reach["x"], [8 + 3 * HEADROOM, (8 + 3 * HEADROOM) / 4])
    reach = _reach([3.0, 0.1], [600.0, 0.1])
    np.testing.assert_allclose(reach["h"], [8 + 3 * HEADROOM, (8 + 3 * HEADROOM) / 4])


def test_the_sum_is_of_both_parts_at_the_same_time() -> None:
    reach = _reach([2.0, 2.0], [1.0, -1.5])
    np.testing.assert_allclose(reach["sum"], [3 * HEADROOM, 3 * HEADROOM / 4])


def test_rows_are_the_last_axis_of_samples_in_time() -> None:
    kernel, bias = np.array([[1.0, -2.0, 0.5]]), np.array([[0.5, 0.0, 0.0], [0.0, 0.25, 0.0]])
    step = RecurrentStep(
        cell="gru",
        units=1,
        kernel=(kernel.astype(np.float32),),
        recurrent_kernel=(np.zeros((1, 3), np.float32),),
        bias=bias.astype(np.float32),
        activation="tanh",
        recurrent_activation="sigmoid",
        return_sequences=True,
        return_state=False,
        go_backwards=False,
        stateful=False,
        attributes={"reset_after": True},
    )
    x = np.array([[[0.0], [3.0]], [[-4.0], [1.0]]], np.float32)
    seen, output = observe(step, x)
    assert output.shape == (2, 2, 1)
    np.testing.assert_allclose(seen.p_x, [3.5, 8.0, 2.0])
    np.testing.assert_allclose(seen.p_h, [0.0, 0.25, 0.0])
    np.testing.assert_allclose(seen.sums, [3.5, 8.25, 2.0])
    np.testing.assert_allclose(seen.highest, [3.5, 8.25, 1.5])


@pytest.mark.parametrize("seed", range(20))
def test_cut_parts_leave_the_sum_as_the_gate_hears_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scales = np.exp(rng.uniform(-3, 6, (2, 1, 30)))
    x, h = rng.normal(size=(2, 400, 30)) * scales
    heard = rng.choice([4.0, 8.0, 12.0], 30)
    reach = _of(x, h, heard, 30)
    kept = np.clip(x, -reach["x"], reach["x"]) + np.clip(h, -reach["h"], reach["h"])
    exact = x + h
    np.testing.assert_allclose(
        np.clip(kept, -heard, heard), np.clip(exact, -heard, heard), atol=1e-4
    )
    # And whatever the other part becomes, as far as it can be stored at all.
    for far, near in (("x", "h"), ("h", "x")):
        cut = {"x": x, "h": h}[far]
        is_cut = np.abs(cut).max(axis=0) > reach[far] * (1 + 1e-6)
        assert (reach[far] - reach[near] >= heard - 1e-3)[is_cut].all()
