"""The op on raw pointers: every instruction set has the bits of the numpy spec."""

from __future__ import annotations

from dataclasses import replace

import native_library as native
import numpy as np
import pytest
from guarded import Guarded
from hypothesis import given, settings
from hypothesis import strategies as st
from recurrent_models import Case, assert_same_bits, make_case

from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.numerics.recurrent_options import ACTIVATIONS, RECURRENT_ACTIVATIONS

SHAPES = [
    {"units": 1, "input_dim": 1, "time": 1},
    {"units": 16, "input_dim": 4, "time": 4},
    {"units": 17, "input_dim": 5, "time": 5, "batch": 3},
    {"units": 40, "input_dim": 13, "rank_x": 3, "time": 9},
    {"units": 96, "input_dim": 40, "rank_h": 20, "time": 6},
    {"units": 128, "input_dim": 40, "rank_x": 32, "rank_h": 17, "time": 10, "batch": 2},
    {"units": 144, "input_dim": 65, "time": 3},
]


def run(case: Case, isa: str, at_end: bool = True, threads: int = 1) -> list[np.ndarray]:
    parallel = native.backwards(threads) if threads > 1 else None
    x, *first = (Guarded(v, at_end) for v in (case.x, *case.first))
    y, *last = (Guarded(v, at_end) for v in case.empty_outputs())
    states = [[g.address for g in guarded] for guarded in (first, last)]
    lengths = None if case.lengths is None else Guarded(case.lengths, at_end)
    native.NativeOp(case, isa).run(
        case.shape,
        x.address,
        states[0],
        y.address,
        states[1],
        None if lengths is None else lengths.address,
        parallel,
    )
    return [y.array, *(g.array for g in last)]


def check(case: Case, isa: str, at_end: bool = True, threads: int = 1) -> None:
    assert_same_bits(run(case, isa, at_end, threads), case.reference())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_bits_of_the_spec(
    cell: str, isa: str, at_end: bool, shape: dict, return_sequences: bool, go_backwards: bool
) -> None:
    flags = {"return_sequences": return_sequences, "go_backwards": go_backwards}
    check(make_case(**shape, **flags, seed=3, cell=cell), isa, at_end)


@settings(max_examples=80, deadline=None)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    units=st.integers(1, 70),
    input_dim=st.integers(1, 50),
    rank_x=st.integers(0, 20),
    rank_h=st.integers(0, 20),
    batch=st.integers(1, 3),
    time=st.integers(1, 9),
    zero_point=st.integers(-128, 127),
    flags=st.tuples(*[st.booleans()] * 4),
    weight_bits=st.tuples(*[st.sampled_from([8, 4, 2])] * 4),
    steps_at_once=st.integers(1, 8),
    recurrent_activation=st.sampled_from([*RECURRENT_ACTIVATIONS]),
    activation=st.sampled_from([*ACTIVATIONS]),
    seed=st.integers(0, 2**16),
)
def test_bits_of_the_spec_for_any_layer(flags: tuple[bool, ...], **layer: object) -> None:
    names = ("return_sequences", "go_backwards", "lengths", "layer_norm")
    case = make_case(**layer, **dict(zip(names, flags, strict=True)))  # type: ignore[arg-type]
    for isa in native.supported():
        check(case, isa)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("ranks", [(0, 0), (96, 160)], ids=str)
def test_threads_do_not_change_the_bits(
    cell: str, isa: str, bits: int, ranks: tuple[int, int], layer_norm: bool
) -> None:
    # Large enough that each of several threads gets its 64 KB even with 2 bits a weight.
    shape = {"units": 340, "input_dim": 330, "rank_x": ranks[0], "rank_h": ranks[1], "time": 5}
    options = {"weight_bits": (bits,) * 4, "lengths": True, "layer_norm": layer_norm}
    case = make_case(**shape, **options, batch=2, seed=2, cell=cell)
    expected = case.reference()
    for threads in (1, 2, 3, 5, 64):
        assert_same_bits(run(case, isa, threads=threads), expected)


@pytest.mark.parametrize("units", [1, 15, 16, 17, 100])
@pytest.mark.parametrize("ranks", [(0, 0), (7, 9)], ids=str)
def test_layer_norm_has_the_bits_of_the_spec(
    cell: str, isa: str, at_end: bool, units: int, ranks: tuple[int, int]
) -> None:
    shape = {"units": units, "input_dim": 13, "rank_x": ranks[0], "rank_h": ranks[1]}
    case = make_case(**shape, batch=2, layer_norm=True, epsilon=1e-5, cell=cell)
    check(case, isa, at_end)


@pytest.mark.parametrize("steps_at_once", range(1, 9))
def test_steps_at_once_do_not_change_the_bits(cell: str, isa: str, steps_at_once: int) -> None:
    case = make_case(units=20, input_dim=13, rank_x=5, batch=2, time=17, cell=cell)
    chunked = replace(case, options=replace(case.options, steps_at_once=steps_at_once))
    assert_same_bits(run(chunked, isa), case.reference())


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_lengths_are_what_shorter_sequences_give(
    cell: str, isa: str, return_sequences: bool, go_backwards: bool
) -> None:
    lengths = np.array([-3, 0, 1, 4, 6, 7, 99], np.int32)
    flags = {"return_sequences": return_sequences, "go_backwards": go_backwards}
    case = make_case(batch=len(lengths), time=7, cell=cell, **flags)
    y, *last = run(replace(case, lengths=lengths), isa)
    for b, length in enumerate(np.clip(lengths, 0, 7)):
        first = [s[b : b + 1] for s in case.first]
        start = np.rint(np.clip(first[0] / np.float32(case.options.scale_h), -127, 127))
        if length == 0:
            expected = [np.broadcast_to(start, y[b : b + 1].shape).astype(np.int8), *first]
        else:
            alone = replace(case, x=case.frames(0, length)[b : b + 1], first=tuple(first))
            expected = run(alone, isa)
            if return_sequences:
                # Padding comes before the first step when the walk goes backwards.
                pad = np.repeat(start.astype(np.int8)[:, None], 7 - length, 1)
                after = np.repeat(expected[0][:, -1:], 7 - length, 1)
                parts = [pad, expected[0]] if go_backwards else [expected[0], after]
                expected[0] = np.concatenate(parts, 1)
        assert_same_bits([y[b : b + 1], *(s[b : b + 1] for s in last)], expected)


def test_long_sequence_keeps_the_same_bits(cell: str, isa: str) -> None:
    # Differences of one bit would grow here, because the state feeds back.
    shape = {"units": 48, "input_dim": 20, "rank_h": 12, "time": 3000}
    check(make_case(**shape, seed=5, cell=cell), isa)


OPTIONS = {
    "plain": {},
    "factored": {"rank_x": 8, "rank_h": 12},
    "every option": {
        "rank_x": 8,
        "lengths": True,
        "weight_bits": (2, 4, 4, 8),
        "recurrent_activation": "hard_sigmoid",
        "activation": "hard_tanh",
        "steps_at_once": 3,
        "layer_norm": True,
    },
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("steps", [1, 4, 10])
def test_a_stream_has_the_bits_of_the_whole(cell: str, isa: str, options: str, steps: int) -> None:
    # The states travel as float32, which is what makes this so.
    case = make_case(
        units=48, input_dim=20, batch=3, time=11, seed=1, cell=cell, **OPTIONS[options]
    )
    whole = run(case, isa)
    outputs, states = [], case.first
    for t in range(0, 11, steps):
        lengths = None if case.lengths is None else case.lengths - np.int32(t)
        first = tuple(s.copy() for s in states)
        part = replace(case, x=case.frames(t, t + steps), first=first, lengths=lengths)
        y, *states = run(part, isa)
        outputs.append(y.copy())
    assert_same_bits([np.concatenate(outputs, axis=1), *states], whole)


def test_hostile_states_are_cleaned(cell: str, isa: str) -> None:
    case = make_case(units=8, input_dim=4, batch=2, cell=cell)
    values = np.array([np.nan, np.inf, -np.inf, 1e-42, 1e9], np.float32)
    hostile = tuple(np.roll(np.resize(values, s.shape), i) for i, s in enumerate(case.first))
    check(replace(case, first=hostile), isa)
    assert all(np.isfinite(s).all() for s in run(replace(case, first=hostile), isa)[1:])


def test_a_cell_state_that_grows_stays_within_what_is_taken_in(isa: str) -> None:
    # Gates wide open: c grows by 1 a step, and must not grow beyond what the op would load.
    case = make_case(units=16, input_dim=4, time=9, cell="lstm")
    bias = np.full_like(case.bias, 100.0)
    c0 = np.full_like(case.first[1], 32764.0)
    case = replace(case, bias=bias, first=(case.first[0], c0))
    check(case, isa)
    first = replace(case, x=case.frames(0, 7))
    _, h, c = run(first, isa)
    assert c.max() == 32768.0
    rest = run(replace(case, x=case.frames(7, case.shape[1]), first=(h.copy(), c.copy())), isa)
    assert_same_bits(rest[1:], run(case, isa)[1:])


def test_saturated_weights(cell: str, isa: str) -> None:
    case = make_case(units=32, input_dim=64, cell=cell)
    full = tuple(
        QuantizedMatrix(np.where(m.values < 0, -127, 127).astype(np.int8), m.scales)
        for m in case.kernel
    )
    x = np.where(case.x < 0, -128, 127).astype(np.int8)
    check(replace(case, kernel=full, x=x, x_zero_point=-128), isa)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": (-128, None)}, "kernel: row 0 holds -128"),
        ({"recurrent_kernel": (-128, None)}, "recurrent kernel: row 0 holds -128"),
        ({"kernel": (None, 0.0)}, "the scale of row 0 is 0"),
        ({"kernel": (None, np.nan)}, "the scale of row 0 is"),
        ({"kernel": (None, np.inf)}, "the scale of row 0 is inf"),
        ({"bias": np.nan}, "bias: value 0 is"),
        ({"x_scale": -1.0}, "x: scale -1"),
        ({"x_zero_point": 300}, "zero point 300"),
        ({"gains": np.nan}, "gains: value 0 is"),
        ({"gains": 2e6}, "gains: value 0 is 2e"),
        (
            {"x_scale": 2.0**40},
            r"kernel: with layer normalization .* must lie in \[2\^-40, 2\^24\]",
        ),
    ],
    ids=str,
)
def test_bad_weights_are_refused(cell: str, change: dict, message: str) -> None:
    if "recurrent_kernel" in change and not CELLS[cell].recurrent:
        cell = "gru"  # of which this is said
    case = make_case(units=4, input_dim=4, layer_norm=True, cell=cell)
    (name, value), *_ = change.items()
    if name in ("kernel", "recurrent_kernel"):
        matrix = getattr(case, name)[0]
        values, scales = matrix.values.copy(), matrix.scales.copy()
        if value[0] is not None:
            values[0, -1] = value[0]
        if value[1] is not None:
            scales[0] = value[1]
        change = {name: (QuantizedMatrix(values, scales),)}
    elif name in ("bias", "gains"):
        changed = getattr(case, name).copy()
        changed[0, 0] = value
        change = {name: changed}
    with pytest.raises(RuntimeError, match=message):
        native.NativeOp(replace(case, **change), "c")
