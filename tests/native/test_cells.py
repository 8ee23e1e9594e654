"""Every cell in numpy against brute force in plain Python, and what its options say."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from cell_twins import numbers_of, twin_of
from recurrent_models import example_parameters, make_case, real

from tfpipeline.numerics.cells import CELLS, Cell, Gate
from tfpipeline.numerics.ops import OPS
from tfpipeline.numerics.recurrent import (
    STATE_FLOOR,
    STATE_LIMIT,
    floor_state,
    kernel_functions,
    settle_state,
)
from tfpipeline.numerics.recurrent_float import sequence_float
from tfpipeline.numerics.recurrent_options import PARAMETERS, RecurrentOptions, options_size

UNITS, FEATURES, WINDOW = 4, 3, 2


def weights(kind: Cell, seed: int) -> list[np.ndarray]:
    """Both kernels in Keras' orientation, and the bias."""
    rng, columns = np.random.default_rng(seed), kind.rows(UNITS)
    window = 1 if kind.recurrent else WINDOW
    shapes = (window * FEATURES, columns), (UNITS, columns), (kind.stored_rows, columns)
    return [rng.standard_normal(shape) for shape in shapes]


def brute_force(cell: str, frames, states, w, u, bias) -> tuple[list, list]:
    """One sequence, one number at a time: all h, and the final states."""
    kind, sequence = CELLS[cell], []
    window = len(w) // FEATURES
    frames = [*np.zeros((window - 1, FEATURES)), *frames]
    for t in range(len(frames) - window + 1):
        frame = np.concatenate(frames[t : t + window])
        p_x = [
            sum(f * w[i][j] for i, f in enumerate(frame)) + bias[0][j]
            for j in range(kind.rows(UNITS))
        ]
        p_h = [
            sum(v * u[i][j] for i, v in enumerate(states[0]))
            + (bias[1][j] if kind.bias_rows == 2 else 0.0)
            for j in range(kind.rows(UNITS) if kind.recurrent else 0)
        ]
        units = [
            twin_of(cell)(
                p_x[j::UNITS], p_h[j::UNITS], [s[j] for s in states], **numbers_of(kind, bias, j)
            )
            for j in range(UNITS)
        ]
        states = [list(values) for values in zip(*units, strict=True)]
        sequence.append(states[0])
    return sequence, states


@pytest.mark.parametrize("go_backwards", [False, True])
def test_the_float_layer_equals_brute_force(cell: str, go_backwards: bool) -> None:
    kind, rng = CELLS[cell], np.random.default_rng(0)
    x = rng.standard_normal((2, 6, FEATURES))
    initial = [rng.standard_normal((2, UNITS)) for _ in kind.states]
    w, u, bias = weights(kind, 0)
    sequence, final, taps = sequence_float(
        kind,
        x,
        initial,
        (w,),
        (u,) if kind.recurrent else (),
        bias,
        parameters=example_parameters(kind),
        go_backwards=go_backwards,
    )
    assert taps is None
    for b in range(2):
        frames = x[b, ::-1] if go_backwards else x[b]
        expected, states = brute_force(cell, frames, [s[b] for s in initial], w, u, bias)
        # float64 against float64 in another order of additions
        np.testing.assert_allclose(sequence[b], expected, rtol=0, atol=1e-13)
        for got, wanted in zip(final, states, strict=True):
            np.testing.assert_allclose(got[b], wanted, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(final[0], sequence[:, -1])


def test_taps_are_the_inner_values(cell: str) -> None:
    kind, rng = CELLS[cell], np.random.default_rng(1)
    x, columns = rng.standard_normal((2, 5, FEATURES)), kind.rows(UNITS)
    left, right = rng.standard_normal((FEATURES, 2)), rng.standard_normal((2, columns))
    first, second = rng.standard_normal((UNITS, 3)), rng.standard_normal((3, columns))
    bias = rng.standard_normal((kind.stored_rows, columns))
    sequence, final, taps = sequence_float(
        kind,
        x,
        None,
        (left, right),
        (first, second) if kind.recurrent else (),
        bias,
        parameters=example_parameters(kind),
        taps=True,
    )
    assert taps is not None and taps.a_x is not None
    assert (taps.a_h is not None) == kind.recurrent
    before = np.concatenate([np.zeros((2, 1, UNITS)), sequence[:, :-1]], axis=1)
    own_bias = bias[1] if kind.bias_rows == 2 else 0.0
    np.testing.assert_allclose(taps.a_x, x @ left, atol=1e-13)
    np.testing.assert_allclose(taps.p_x, x @ left @ right + bias[0], atol=1e-13)
    if kind.recurrent:
        np.testing.assert_allclose(taps.a_h, before @ first, atol=1e-13)
        np.testing.assert_allclose(taps.p_h, before @ first @ second + own_bias, atol=1e-12)
    np.testing.assert_array_equal(taps.states[0], sequence)
    for states, last in zip(taps.states, final, strict=True):
        np.testing.assert_array_equal(states[:, -1], last)
    plain, _, plain_taps = sequence_float(
        kind,
        x,
        None,
        (left @ right,),
        (first @ second,) if kind.recurrent else (),
        bias,
        parameters=example_parameters(kind),
        taps=True,
    )
    np.testing.assert_allclose(plain, sequence, atol=1e-12)
    assert plain_taps is not None and plain_taps.a_x is None and plain_taps.a_h is None


@pytest.mark.parametrize(
    ("ranks", "mean", "worst"),
    [
        # Only activations are rounded: half a step of 1/127 for y, and what feeds back.
        ((0, 0), 0.006, 0.06),
        # Two more roundings a step, of inner vectors with 127 levels over their whole range.
        ((12, 16), 0.01, 0.1),
    ],
)
def test_int8_layer_is_near_the_float_layer(
    cell: str, ranks: tuple[int, int], mean: float, worst: float
) -> None:
    shape = {"units": 32, "input_dim": 16, "rank_x": ranks[0], "rank_h": ranks[1], "time": 40}
    # Of larger weights a simple cell makes noise out of any rounding.
    case = make_case(**shape, size=1.0, seed=2, cell=cell, window=1)
    x = (case.x.astype(np.float64) - case.x_zero_point) * case.x_scale
    states, _, _ = sequence_float(
        case.cell,
        x,
        case.first,
        real(case.kernel),
        real(case.recurrent_kernel),
        case.bias,
        parameters=case.options.parameters,
    )
    error = np.abs(case.reference()[0] * case.options.scale_h - states)
    assert error.mean() < mean and error.max() < worst


def test_one_int8_step_by_hand(cell: str) -> None:
    case = make_case(units=2, input_dim=3, time=1, seed=4, cell=cell)
    (w,), rows = case.kernel, case.cell.rows(2)
    q = [
        max(-127, min(127, round(float(np.float32(v) * np.float32(127))))) for v in case.first[0][0]
    ]
    p_x = [
        sum(
            (int(x) - 5) * int(k) for x, k in zip(case.x[0].reshape(-1), w.values[row], strict=True)
        )
        * float(w.scales[row])
        * case.x_scale
        + float(case.bias[0, row])
        for row in range(rows)
    ]
    p_h = [
        sum(v * int(k) for v, k in zip(q, u.values[row], strict=True)) * float(u.scales[row]) / 127
        + (float(case.bias[1, row]) if case.cell.bias_rows == 2 else 0.0)
        for u in case.recurrent_kernel
        for row in range(rows)
    ]
    _, *final = case.reference()
    for j in range(2):
        old = [float(state[0, j]) for state in case.first]
        numbers = numbers_of(case.cell, case.bias, j)
        expected = twin_of(cell)(p_x[j::2], p_h[j::2], old, **numbers)
        # float32 against float64: a few roundings of numbers near 1
        np.testing.assert_allclose([state[0, j] for state in final], expected, rtol=0, atol=2e-6)


def test_backwards_is_forwards_on_reversed_frames(cell: str) -> None:
    case = make_case(units=8, input_dim=4, batch=2, go_backwards=True, cell=cell)
    turned = replace(
        case, x=case.x[:, ::-1].copy(), options=replace(case.options, go_backwards=False)
    )
    for a, b in zip(case.reference(), turned.reference(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_shapes_that_do_not_fit_are_refused(cell: str) -> None:
    case = make_case(units=8, input_dim=4, cell=cell)
    for change, message in (
        ({"x": case.x[:, :, :3]}, "x must have 4 features"),
        (
            {"kernel": case.kernel * 2},
            "kernel must hold matrices",
        ),
        ({"bias": case.bias[0]}, "bias must have the shape"),
        ({"lengths": np.array([1, 2, 3])}, r"lengths must have the shape \(1,\); got \(3,\)"),
        (
            {"options": replace(case.options, weight_bits=(2, 8, 8, 8))},
            "kernel holds weights that 2 bits do not hold",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            replace(case, **change).reference()


def test_states_are_clamped_and_tiny_ones_are_zero() -> None:
    given = np.array([1e9, -1e9, 0.5, -(2.0**-61), 2.0**-61, np.nan], np.float32)
    limit = float(STATE_LIMIT)
    np.testing.assert_array_equal(settle_state(given), [limit, -limit, 0.5, 0, 0, 0])
    np.testing.assert_array_equal(floor_state(np.array([-STATE_FLOOR])), [-STATE_FLOOR])


def test_options_of_cells_differ_in_magic_and_parameters_only(cell: str) -> None:
    values = {"units": 96, "input_dim": 40, "rank_x": 32, "scale_a_x": 0.5, "scale_h": 0.25}
    kind = CELLS[cell]
    numbers = tuple(0.5 + i for i in range(len(kind.parameters)))
    options = RecurrentOptions(cell, **values, parameters=numbers)
    packed, other = options.pack(), RecurrentOptions("gru", **values).pack()
    assert packed[:4] == kind.magic and packed[8:PARAMETERS] == other[8:PARAMETERS]
    assert packed[4:8] == struct.pack("<HH", 1, len(packed))
    stored = [*numbers, *[0.0] * (3 - len(numbers))]
    assert packed[PARAMETERS:] == struct.pack(f"<{len(stored)}f", *stored)
    assert options_size(kind) == len(packed)
    assert RecurrentOptions.unpack(packed) == RecurrentOptions.unpack(packed, cell) == options


def test_options_of_another_cell_are_refused(cell: str) -> None:
    for name, kind in CELLS.items():
        if name != cell:
            message = (
                f"of tfpipeline.{cell} must begin with {CELLS[cell].magic!r}; got {kind.magic!r}"
            )
            data = RecurrentOptions(name, 8, 4, parameters=(0.5,) * len(kind.parameters)).pack()
            with pytest.raises(ValueError, match=message):
                RecurrentOptions.unpack(data, cell)
            with pytest.raises(ValueError, match=message):
                OPS[CELLS[cell].op_name].unpack(data)


def test_magics_and_ops_are_unique() -> None:
    assert len({kind.magic for kind in CELLS.values()}) == len(CELLS)
    assert all(name == kind.name and kind.op_name in OPS for name, kind in CELLS.items())


def _step(*_: object) -> tuple[np.ndarray, ...]:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"magic": b"TFP"}, "four bytes"),
        ({"gates": (Gate("n", "tanh", summed=False), Gate("z", "sigmoid"))}, "come first"),
        ({"gates": (Gate("z", "relu"),)}, "sigmoid and tanh"),
        ({"bias_rows": 3}, "1 or 2"),
        ({"states": ()}, "must name h"),
        ({"parameters": ("a", "b", "c", "d", "e", "f")}, "five at most"),
        (
            {"gates": (Gate("z", "sigmoid"), Gate("n", "tanh")), "unit_parameters": ("a",)},
            "cells of one gate",
        ),
    ],
)
def test_a_descriptor_that_makes_no_sense_is_refused(change: dict, message: str) -> None:
    good = Cell("toy", b"TFPT", (Gate("z", "sigmoid"),), ("state",), 1, _step)
    with pytest.raises(ValueError, match=message):
        replace(good, **change)


def test_parameters_travel_in_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(p_x, p_h, states, f):
        return (f.settle(f.parameters["a"] * f.tanh(p_x[0] + p_h[0]) + f.parameters["b"]),)

    toy = Cell("toy", b"TFPT", (Gate("n", "tanh"),), ("state",), 1, step, parameters=("a", "b"))
    monkeypatch.setitem(CELLS, "toy", toy)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"of cell 'toy' must be 2 numbers in .* \(a, b\)"):
        RecurrentOptions("toy", 8, 4)
    options = RecurrentOptions("toy", 8, 4, scale_h=0.25, parameters=(0.75, -0.25))
    data = options.pack()
    assert data[PARAMETERS:] == struct.pack("<3f", 0.75, -0.25, 0.0)
    assert RecurrentOptions.unpack(data) == options
    with pytest.raises(ValueError, match="not in its spec"):
        RecurrentOptions.unpack(data[:-1] + b"\x01")
    case = make_case(units=8, input_dim=4, cell="toy", parameters=(0.75, -0.25))
    h, final = case.reference()[0], case.reference()[1]
    assert (np.abs(final + 0.25) <= 0.75).all() and np.abs(h).max() > 60
    tiny = replace(case.options, parameters=(2.0**-61, 0.5))
    assert list(kernel_functions(tiny, case.bias).parameters.values()) == [0.0, 0.5]
