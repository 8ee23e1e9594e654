"""Models that are wrong on purpose: prepare refuses each by name, and nothing crashes."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from gru_models import BIAS, H0, LAST, U1, U2, W1, W2, ModelSpec, X, Y, gru_model, make_case

from tfpipeline.runtime.native import library_path

TYPE = schema.TensorType
Edit = Callable[[ModelSpec], None]


def allocate(spec: ModelSpec) -> None:
    delegate = load_delegate(str(library_path()))
    Interpreter(model_content=spec.build(), experimental_delegates=[delegate]).allocate_tensors()


def field(offset: int, form: str, value: float) -> Edit:
    """An edit of the options at `offset`."""

    def edit(spec: ModelSpec) -> None:
        data = bytearray(spec.custom_options)
        struct.pack_into("<" + form, data, offset, value)
        spec.custom_options = bytes(data)

    return edit


def tensor(index: int, **values: object) -> Edit:
    """An edit of the fields of one tensor."""

    def edit(spec: ModelSpec) -> None:
        for name, value in values.items():
            setattr(spec.tensors[index], name, value)

    return edit


def inputs(**places: int) -> Edit:
    """An edit of the op's list of inputs."""

    def edit(spec: ModelSpec) -> None:
        for place, index in places.items():
            spec.inputs[int(place[1:])] = index

    return edit


def options(data: bytes) -> Edit:
    def edit(spec: ModelSpec) -> None:
        spec.custom_options = data

    return edit


def with_minus_128(spec: ModelSpec) -> None:
    data = bytearray(spec.tensors[U1].data or b"")
    data[5] = 0x80
    spec.tensors[U1].data = bytes(data)


def drop_inputs(count: int) -> Edit:
    def edit(spec: ModelSpec) -> None:
        spec.inputs = spec.inputs[:count]

    return edit


def many_inputs(spec: ModelSpec) -> None:
    spec.inputs = spec.inputs + [X] * 60


def drop_output(spec: ModelSpec) -> None:
    spec.outputs = [Y]


def swap_outputs(spec: ModelSpec) -> None:
    spec.outputs = [LAST, Y]


# The case has units 24, input_dim 10, rank_x 6, rank_h 7.
HOSTILE: list[tuple[str, Edit, str]] = [
    ("no options", options(b""), "not those of tfpipeline.gru"),
    ("short options", options(b"TFPG\x01\x00\x40\x00"), "must have 64 bytes"),
    ("long options", options(make_case().options.pack() + b"\0"), "must have 64 bytes; got 65"),
    ("magic", field(0, "B", 0), "not those of tfpipeline.gru"),
    ("version", field(4, "H", 2), "version 2.*upgrade tfpipeline"),
    ("stated size", field(6, "H", 63), "which say 63"),
    ("time-major", field(8, "I", 4), "flags 0x4"),
    ("all flags", field(8, "I", 0xFFFFFFFF), "flags 0xffffffff"),
    ("gate", field(40, "B", 2), r"gate functions \(2, 1\)"),
    ("activation", field(41, "B", 9), r"gate functions \(1, 9\)"),
    ("reserved", field(63, "B", 1), "reserved byte 63"),
    ("no units", field(12, "I", 0), "units 0"),
    ("huge units", field(12, "I", 0xFFFFFFFF), "units 4294967295"),
    ("other units", field(12, "I", 25), r"must have the shape \[75, 6\]; got \[72, 6\]"),
    ("no input_dim", field(16, "I", 0), "input_dim 0"),
    ("huge input_dim", field(16, "I", 1 << 31), "out of range"),
    ("other input_dim", field(16, "I", 11), r"kernel W1 must have the shape \[6, 11\]"),
    ("huge rank", field(20, "I", 1 << 20), "rank_x 1048576"),
    ("rank 0", field(24, "I", 0), "recurrent kernel U2 must be left out"),
    ("other rank", field(24, "I", 8), r"U1 must have the shape \[8, 24\]"),
    ("scale 0", field(28, "f", 0.0), "scale_a_x 0"),
    ("scale nan", field(32, "f", float("nan")), "scale_a_h"),
    ("scale inf", field(36, "f", float("inf")), "scale_h inf"),
    ("scale negative", field(36, "f", -1.0), "scale_h -1"),
    ("scale of y", field(36, "f", 0.01), "output y must have the scale of the state"),
    ("few inputs", drop_inputs(7), "expected 8 inputs and 2 outputs; got 7 and 2"),
    ("no inputs", drop_inputs(0), "got 0 and 2"),
    ("many inputs", many_inputs, "got 68 and 2"),
    ("one output", drop_output, "got 8 and 1"),
    ("swapped outputs", swap_outputs, "output y must be int8; got float32"),
    ("lengths", inputs(_7=BIAS), "input lengths is reserved"),
    ("x missing", inputs(_0=-1), "x is missing"),
    ("h0 missing", inputs(_1=-1), "h0 is missing"),
    ("W1 missing", inputs(_2=-1), "kernel W1 is missing"),
    ("W2 missing", inputs(_3=-1), "kernel W2 is missing"),
    ("U1 missing", inputs(_4=-1), "recurrent kernel U1 is missing"),
    ("U2 missing", inputs(_5=-1), "recurrent kernel U2 is missing"),
    ("bias missing", inputs(_6=-1), "bias is missing"),
    ("W1 and W2 swapped", inputs(_2=W2, _3=W1), "kernel W1 must have the shape"),
    ("x is float", tensor(X, type=TYPE.FLOAT32), "x must be int8; got float32"),
    ("x is uint8", tensor(X, type=TYPE.UINT8), "x must be int8; got uint8"),
    ("x has 2 dims", tensor(X, shape=(7, 10)), r"shape \[any, any, 10\]; got \[7, 10\]"),
    ("x has 4 dims", tensor(X, shape=(1, 1, 7, 10)), "x must have the shape"),
    ("x is a scalar", tensor(X, shape=()), r"x must have the shape .*; got \[\]"),
    ("x has no time", tensor(X, shape=(1, 0, 10)), r"got \[1, 0, 10\]"),
    ("x has no batch", tensor(X, shape=(0, 7, 10)), r"got \[0, 7, 10\]"),
    ("x without scale", tensor(X, scales=None), "x must have one scale"),
    (
        "x with 10 scales",
        tensor(X, scales=(1.0,) * 10, zero_points=(0,) * 10, dimension=2),
        "x must have one",
    ),
    ("x with scale 0", tensor(X, scales=(0.0,)), "x: scale 0"),
    ("x with scale nan", tensor(X, scales=(float("nan"),)), "x: scale"),
    ("x zero point", tensor(X, zero_points=(999,)), "zero point 999"),
    ("h0 is int8", tensor(H0, type=TYPE.INT8), "h0 must be float32"),
    ("h0 of other units", tensor(H0, shape=(1, 23)), r"h0 must have the shape \[1, 24\]"),
    ("h0 of other batch", tensor(H0, shape=(2, 24)), r"h0 must have the shape \[1, 24\]"),
    ("W1 is int32", tensor(W1, type=TYPE.INT32, data=bytes(240)), "W1 must be int8; got int32"),
    ("W1 without data", tensor(W1, data=None), "W1 must be a constant"),
    ("U2 of other shape", tensor(U2, shape=(72, 6), data=bytes(432)), "U2 must have the shape"),
    ("W2 without scales", tensor(W2, scales=None), "W2 must have 72 scales"),
    (
        "W2 with one scale",
        tensor(W2, scales=(1.0,), zero_points=(0,)),
        "72 scales along dimension 0; got 1",
    ),
    ("U1 zero points", tensor(U1, zero_points=(0,) * 6 + (3,)), "zero points 0; got 3 in row 6"),
    ("U1 scale 0", tensor(U1, scales=(0.0,) * 7), "the scale of row 0 is 0"),
    ("U1 scale nan", tensor(U1, scales=(float("nan"),) * 7), "the scale of row 0"),
    ("U1 holds -128", with_minus_128, "row 0 holds -128"),
    ("bias is int8", tensor(BIAS, type=TYPE.INT8, data=bytes(144)), "bias must be float32"),
    ("bias of one row", tensor(BIAS, shape=(144,)), r"bias must have the shape \[2, 72\]"),
    ("bias without data", tensor(BIAS, data=None), "bias must be a constant"),
    ("bias nan", tensor(BIAS, data=np.full(144, np.nan, np.float32).tobytes()), "bias: value 0"),
    ("y is float", tensor(Y, type=TYPE.FLOAT32), "output y must be int8"),
    ("y without scale", tensor(Y, scales=None), "output y must have one scale"),
    ("y zero point", tensor(Y, zero_points=(1,)), "output y must have the scale"),
    ("h is int8", tensor(LAST, type=TYPE.INT8), "output h must be float32"),
]


@pytest.mark.parametrize(("edit", "message"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_refused_by_name(edit: Edit, message: str) -> None:
    spec = gru_model(make_case(rank_x=6, rank_h=7))
    edit(spec)
    # Some of these the runtime itself refuses, before or after asking the plug-in.
    with pytest.raises((RuntimeError, ValueError), match=message):
        allocate(spec)


def test_weights_quantized_along_the_wrong_dimension_are_refused() -> None:
    spec = gru_model(make_case(units=4, input_dim=12))  # W1 is 12 by 12: both dimensions fit
    spec.tensors[W1].dimension = 1
    with pytest.raises(RuntimeError, match="12 scales along dimension 0; got 12 along 1"):
        allocate(spec)


def test_the_original_is_accepted() -> None:
    allocate(gru_model(make_case(rank_x=6, rank_h=7)))


def test_random_options_never_crash() -> None:
    rng = np.random.default_rng(0)
    good = make_case().options.pack()
    for _ in range(300):
        spec = gru_model(make_case())
        data = bytearray(good)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        spec.custom_options = bytes(data)
        try:
            allocate(spec)
        except (RuntimeError, ValueError) as error:
            assert "tfpipeline.gru" in str(error)


def test_sizes_that_overflow_are_refused() -> None:
    spec = gru_model(make_case(units=24, input_dim=10))
    spec.tensors[X].shape = (1 << 14, 1 << 14, 10)
    spec.tensors[H0].shape = (1 << 14, 24)
    with pytest.raises((RuntimeError, ValueError), match="too large|overflow|BytesRequired"):
        allocate(spec)
