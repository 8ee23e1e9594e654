"""The op on raw pointers: every instruction set has the bits of the numpy spec."""

from __future__ import annotations

from dataclasses import replace

import native_library as native
import numpy as np
import pytest
from gru_models import GruCase, make_case
from guarded import Guarded
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.numerics.gru import QuantizedMatrix

SHAPES = [
    {"units": 1, "input_dim": 1, "time": 1},
    {"units": 16, "input_dim": 4, "time": 4},
    {"units": 17, "input_dim": 5, "time": 5, "batch": 3},
    {"units": 40, "input_dim": 13, "rank_x": 3, "time": 9},
    {"units": 96, "input_dim": 40, "rank_h": 20, "time": 6},
    {"units": 128, "input_dim": 40, "rank_x": 32, "rank_h": 17, "time": 10, "batch": 2},
    {"units": 144, "input_dim": 65, "time": 3},
]


def run(case: GruCase, isa: str, at_end: bool = True) -> tuple[np.ndarray, np.ndarray]:
    o = case.options
    batch, time, _ = case.x.shape
    shape = (batch, time, o.units) if o.return_sequences else (batch, o.units)
    x, h0 = Guarded(case.x, at_end), Guarded(case.h0, at_end)
    y = Guarded(np.full(shape, 99, np.int8), at_end)
    last = Guarded(np.full((batch, o.units), 99, np.float32), at_end)
    native.NativeGru(case, isa).run(batch, time, x.address, h0.address, y.address, last.address)
    return y.array, last.array


def assert_same_bits(case: GruCase, isa: str, at_end: bool = True) -> None:
    y, last = run(case, isa, at_end)
    expected_y, expected_last = case.reference()
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(last.view(np.int32), expected_last.view(np.int32))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_bits_of_the_spec(
    isa: str, at_end: bool, shape: dict, return_sequences: bool, go_backwards: bool
) -> None:
    case = make_case(**shape, return_sequences=return_sequences, go_backwards=go_backwards, seed=3)
    assert_same_bits(case, isa, at_end)


@settings(max_examples=60, deadline=None)
@given(
    units=st.integers(1, 70),
    input_dim=st.integers(1, 50),
    rank_x=st.integers(0, 20),
    rank_h=st.integers(0, 20),
    batch=st.integers(1, 3),
    time=st.integers(1, 9),
    zero_point=st.integers(-128, 127),
    flags=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 2**16),
)
def test_bits_of_the_spec_for_any_shape(flags: tuple[bool, bool], **shape: int) -> None:
    case = make_case(**shape, return_sequences=flags[0], go_backwards=flags[1])
    for isa in native.supported():
        assert_same_bits(case, isa)


def test_long_sequence_keeps_the_same_bits(isa: str) -> None:
    # Differences of one bit would grow here, because the state feeds back.
    assert_same_bits(make_case(units=48, input_dim=20, rank_h=12, time=3000, seed=5), isa)


def test_two_calls_equal_one(isa: str) -> None:
    # The state travels as float32, so that a stream has the bits of the whole sequence.
    case = make_case(units=48, input_dim=20, rank_x=8, rank_h=12, time=11)
    whole_y, whole_last = run(case, isa)
    first = replace(case, x=case.x[:, :5])
    y1, state = run(first, isa)
    y2, last = run(replace(case, x=case.x[:, 5:], h0=state.copy()), isa)
    np.testing.assert_array_equal(np.concatenate([y1, y2], axis=1), whole_y)
    np.testing.assert_array_equal(last.view(np.int32), whole_last.view(np.int32))


def test_hostile_states_are_cleaned(isa: str) -> None:
    case = make_case(units=8, input_dim=4, batch=2)
    h0 = np.resize(np.array([np.nan, np.inf, -np.inf, 1e-42, 1e9], np.float32), case.h0.shape)
    assert_same_bits(replace(case, h0=h0), isa)
    assert np.isfinite(run(replace(case, h0=h0), isa)[1]).all()


def test_saturated_weights(isa: str) -> None:
    case = make_case(units=32, input_dim=64)
    full = tuple(
        QuantizedMatrix(np.where(m.values < 0, -127, 127).astype(np.int8), m.scales)
        for m in case.kernel
    )
    x = np.where(case.x < 0, -128, 127).astype(np.int8)
    assert_same_bits(replace(case, kernel=full, x=x, x_zero_point=-128), isa)


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
    ],
    ids=str,
)
def test_bad_weights_are_refused(change: dict, message: str) -> None:
    case = make_case(units=4, input_dim=4)
    (name, value), *_ = change.items()
    if name in ("kernel", "recurrent_kernel"):
        matrix = getattr(case, name)[0]
        values, scales = matrix.values.copy(), matrix.scales.copy()
        if value[0] is not None:
            values[0, -1] = value[0]
        if value[1] is not None:
            scales[0] = value[1]
        change = {name: (QuantizedMatrix(values, scales),)}
    elif name == "bias":
        bias = case.bias.copy()
        bias[0, 0] = value
        change = {"bias": bias}
    with pytest.raises(RuntimeError, match=message):
        native.NativeGru(replace(case, **change), "c")
