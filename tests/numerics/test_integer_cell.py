"""The step in integers: its bits, its distance from exact arithmetic, that nothing overflows."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from byte_cells import exact_step, integer_twin, random_cell
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfpipeline.numerics.byte_cells import (
    SCALARS,
    ByteWeights,
    IntegerCell,
    quantize_bytes,
    step_error,
)
from tfpipeline.numerics.byte_cells.fixed_point import ToUnit, round_to_one, shift_right

CELL = pytest.mark.parametrize("cell", SCALARS)
#: Ranks of W and of U; one of them may be plain.
RANKS = ((None, None), (3, 3), (3, None), (None, 3))
ENDS = (-(2**15), 2**15 - 1)


def cell_of(
    cell: str, ranks: tuple[int | None, int | None] = (None, None), seed: int = 0, **options: Any
) -> IntegerCell:
    weights = random_cell(cell, rank=ranks[0], recurrent_rank=ranks[1], seed=seed)
    return IntegerCell(quantize_bytes(weights), **options)


def vectors(cell: IntegerCell, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and states: most of them usual, some at the ends of int16."""
    rng = np.random.default_rng(seed)
    x = cell.to_input(rng.normal(size=(count, cell.weights.features)))
    h = rng.integers(-(2**14), 2**14, (count, cell.weights.units)).astype(np.int16)
    some = count // 4
    x[:some] = rng.choice(ENDS, x[:some].shape)
    h[:some] = rng.choice(ENDS, h[:some].shape)
    return x, h


def test_a_shift_rounds_to_the_nearest_and_ties_go_up() -> None:
    values = np.array([-7, -6, -5, -3, -2, -1, 0, 1, 2, 3, 5, 6, 7])
    np.testing.assert_array_equal(shift_right(values, 2), np.floor(values / 4 + 0.5))
    np.testing.assert_array_equal(shift_right(values, 0), values)


@given(st.floats(1, 2**29), st.integers(-(2**31) + 1, 2**31 - 1))
@example(487.5, 0)
def test_sums_become_a_fraction_of_one(exact: float, value: int) -> None:
    one = round_to_one(exact)
    # In exact numbers: a tie is half a unit off, and a quotient of floats a little more.
    assert abs(one - Fraction(exact)) <= max(Fraction(exact) / 2**15, Fraction(1, 2))
    unit = ToUnit.of(one)
    (found,) = unit(np.array([value], np.int32))
    assert abs(found / 2**14 - np.clip(value / one, -1, 1)) <= unit.error < 1.1e-4
    # The ends are exact, so a gate can be open or closed.
    assert unit(np.array([one, -one, 2**31 - 1], np.int32)).tolist() == [2**14, -(2**14), 2**14]
    # The product of the kept bits and the multiplier is the largest number on the way.
    assert unit.multiplier <= 2**15 and (one >> unit.before) < 2**15
    assert (one >> unit.before) << unit.before == one


@CELL
@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"x_bits": 9, "state_bits": 11},
        {"x_bits": 14, "recurrent_activation": "quant_sigmoid4"},
        {"gain": 0.999, "offset": 0.01, "h_clip": 1.2},
    ],
)
def test_int32_gives_the_bits_of_integers_without_an_end(
    cell: str, ranks: tuple[int | None, int | None], options: dict[str, Any]
) -> None:
    for seed in range(3):
        ours = cell_of(cell, ranks, seed, **options)
        x, h = vectors(ours, 16, seed)
        expected = [integer_twin(ours, a, b) for a, b in zip(x.tolist(), h.tolist(), strict=True)]
        found = ours.step(x, h)
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found, [new for new, _ in expected])
        assert max(largest for _, largest in expected) < 2**31


@CELL
@pytest.mark.parametrize("ranks", RANKS)
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    bits=st.sampled_from([(12, 14), (14, 14), (8, 10), (11, 11), (10, 13)]),
    activation=st.sampled_from(["quant_sigmoid", "quant_sigmoid4"]),
    control=st.sampled_from([{}, {"gain": 0.99}, {"gain": 0.9, "offset": 0.05, "h_clip": 0.8}]),
)
def test_a_step_stays_within_its_bound(
    cell: str,
    ranks: tuple[int | None, int | None],
    seed: int,
    bits: tuple[int, int],
    activation: str,
    control: dict[str, float],
) -> None:
    options: dict[str, Any] = {"recurrent_activation": activation, **control}
    ours = cell_of(cell, ranks, seed, x_bits=bits[0], state_bits=bits[1], **options)
    x, h = vectors(ours, 64, seed)
    error = np.abs(ours.to_float(ours.step(x, h)) - exact_step(ours, x, h, **control)).max()
    assert error <= step_error(ours)


@CELL
@pytest.mark.parametrize("ranks", RANKS)
def test_the_bound_is_small_and_not_far_from_what_happens(
    cell: str, ranks: tuple[int | None, int | None]
) -> None:
    ours = cell_of(cell, ranks)
    x, h = vectors(ours, 4096)
    error = np.abs(ours.to_float(ours.step(x, h)) - exact_step(ours, x, h)).max()
    assert step_error(ours) / 8 < error <= step_error(ours) < 1e-3


@CELL
@pytest.mark.parametrize("ranks", RANKS)
def test_the_largest_sums_fit_and_occur(cell: str, ranks: tuple[int | None, int | None]) -> None:
    """Every pattern of ends of int16: the worst case is among them, and is what was computed."""
    ours = cell_of(cell, ranks)
    features, units = ours.weights.features, ours.weights.units
    patterns = itertools.product(*[ENDS] * (features + units))
    largest = max(
        integer_twin(ours, ends[:features], ends[features:])[1]
        for ends in itertools.islice(patterns, 0, None, 3)
    )
    assert largest < 2**31
    assert largest <= max(ours.sums.largest(), 2**30 + 2**29 + 2**14)
    tight = [
        _largest_sums(ours, np.array(ends[:features]), np.array(ends[features:]))
        for ends in itertools.product(*[(-(2**15), 2**15)] * (features + units))
    ]
    # Opposite patterns have opposite sums, and what the shifts round is little.
    assert max(tight) > 0.5 * ours.sums.largest()
    if ranks == (None, None):
        assert max(tight) == pytest.approx(ours.sums.largest(), rel=1e-3)


def _largest_sums(cell: IntegerCell, x: np.ndarray, h: np.ndarray) -> float:
    sums, largest = 0.0, 0.0
    weights, more = cell.weights, cell.state_bits - cell.x_bits
    factored = len(weights.kernel) == 2 or len(weights.recurrent_kernel) == 2
    for vector, matrices, bits in ((x, weights.kernel, 0), (h, weights.recurrent_kernel, more)):
        inner = vector.astype(np.float64) @ matrices[0]
        largest = max(largest, np.abs(inner).max())
        inner /= 2 ** (cell.sums.shift + bits)
        second = matrices[1].astype(np.float64) if len(matrices) == 2 else None
        sums = sums + (
            inner @ second if second is not None else inner * (weights.scale if factored else 1)
        )
    return float(max(largest, np.abs(sums + cell.sums.bias).max()))


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "ranks"), list(zip(SCALARS, RANKS, strict=False)))
def test_a_hundred_thousand_steps_at_the_ends_do_not_overflow(
    cell: str, ranks: tuple[int | None, int | None]
) -> None:
    """Inputs that push a unit as far as they can: its state arrives there, and stays."""
    ours = cell_of(cell, ranks)
    first = ours.weights.kernel[0].astype(np.int64)
    product = first if ranks[0] is None else first @ ours.weights.kernel[1]
    x = np.where(product[:, 0] > 0, ENDS[1], ENDS[0]).astype(np.int16)
    rows = np.stack([x, -np.maximum(x, -ENDS[1])])
    h = np.zeros((2, ours.weights.units), np.int16)
    steps = 100_000
    for t in range(steps):
        new = ours.step(rows, h)
        if t % 10_000 == 0 or t == steps - 1:
            expected = [
                integer_twin(ours, a, b)[0] for a, b in zip(rows.tolist(), h.tolist(), strict=True)
            ]
            np.testing.assert_array_equal(new, expected)
        h = new
    # The first unit has arrived where its input pushes it.
    assert h[0, 0] > 0 > h[1, 0]


def test_a_long_sequence_is_its_steps_and_follows_exact_arithmetic() -> None:
    ours = cell_of("fast_grnn", (3, 3), gain=0.99)
    x = ours.to_input(np.random.default_rng(1).normal(size=(2, 400, ours.weights.features)))
    states = ours.sequence(x)
    again = ours.sequence(x[:, 200:], states[:, 199])
    np.testing.assert_array_equal(again, states[:, 200:])
    h = np.zeros((2, ours.weights.units))
    for t in range(x.shape[1]):
        h = exact_step(ours, x[:, t], h * 2**ours.state_bits, gain=0.99)
    assert np.abs(ours.to_float(states[:, -1]) - h).max() < 100 * step_error(ours)


def test_drift_stops_where_the_state_is_cut() -> None:
    """A saturated gate keeps the state and adds nu n: with an open end it would go on for ever."""
    weights = random_cell("fast_grnn", units=1, spread=0.0)
    weights.bias[:] = 2.0
    quantized = quantize_bytes(
        type(weights)(**{**vars(weights), "classifier": None, "classifier_bias": None})
    )
    x = np.zeros((1, 400, weights.features), np.int16)
    for options, end in (
        ({}, 32767 / 2**14),
        ({"h_clip": 1.5}, 1.5),
        ({"gain": 0.98}, 0.98 * 0.018 / 0.02),
    ):
        states = IntegerCell(quantized, **options).sequence(x)  # type: ignore[arg-type]
        assert states[0, -1, 0] / 2**14 == pytest.approx(end, abs=2e-2)


def test_scores_are_multiples_of_a_scale() -> None:
    ours = cell_of("fast_rnn")
    _, h = vectors(ours, 8)
    weights = ours.weights
    assert weights.classifier is not None and weights.classifier_bias is not None
    exact = ours.to_float(h) @ (weights.classifier / weights.classifier_scale)
    exact += weights.classifier_bias / weights.classifier_scale
    found = ours.scores(h) / (weights.classifier_scale * 2**ours.state_bits)
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)
    assert ours.scores(h).dtype == np.int32


def test_inputs_are_rounded_and_cut() -> None:
    ours = cell_of("fast_rnn", x_bits=8)
    found = ours.to_input([[1.0, 1 / 512, 3 / 512, 200.0, -200.0]])
    assert found.dtype == np.int16
    assert found.tolist() == [[256, 0, 2, 32767, -32768]]


def full(features: int, units: int, **more: Any) -> ByteWeights:
    """The largest weights that there can be."""
    return ByteWeights(
        cell="fast_rnn",
        kernel=(np.full((features, units), -128, np.int8),),
        recurrent_kernel=(np.full((units, units), -128, np.int8),),
        bias=np.full((1, units), -128, np.int8),
        scalars={"alpha": 1000, "beta": 1000},
        **{"scale": 64, **more},
    )


def test_sums_that_could_overflow_are_refused() -> None:
    # 2^15 * 128 * (features + units / 4) must stay below 2^31: (512 - units / 4) features.
    assert IntegerCell(full(480, 100)).sums.largest() < 2**31
    with pytest.raises(ValueError, match="600 features and 2 units .* do not fit into 32 bits"):
        IntegerCell(full(600, 2))
    with pytest.raises(ValueError, match="do not fit into 32 bits"):
        IntegerCell(full(2, 2, scale=2**20))
    head = {
        "classifier": np.full((600, 2), 127, np.int8),
        "classifier_bias": np.zeros(2, np.int8),
    }
    sparse = full(2, 600, **head)
    sparse.recurrent_kernel[0][:, :] = 0
    with pytest.raises(ValueError, match="scores of a classifier of 600 units do not fit"):
        IntegerCell(sparse)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x_bits": 13, "state_bits": 12}, "`x_bits` and `state_bits` must rise from 0 to 14"),
        ({"state_bits": 15}, "must rise from 0 to 14; received 12 and 15"),
        ({"recurrent_activation": "sigmoid"}, r"must be one of \['quant_sigmoid', "),
        ({"gain": 1.5}, r"`gain` must lie in \[0, 1\]"),
        ({"offset": 3.0}, r"`offset` in \[-2, 2\]"),
        ({"h_clip": 0.0}, "`h_clip` be positive"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cell_of("fast_grnn", **options)


def test_a_cell_without_a_classifier_has_no_scores() -> None:
    weights = random_cell("fast_rnn", classes=None)
    ours = IntegerCell(quantize_bytes(weights))
    with pytest.raises(ValueError, match="has no classifier"):
        ours.scores(np.zeros((1, 5), np.int16))
