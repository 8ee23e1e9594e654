"""Models that are wrong on purpose: prepare refuses each by name, and nothing crashes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from recurrent_models import ModelSpec, input_names, make_case, op_model, state_names

from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent_options import options_size
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


def tensor(name: str, **values: object) -> Edit:
    """An edit of the fields of one tensor; of bytes, those that the shape needs."""

    def edit(spec: ModelSpec) -> None:
        for key, value in values.items():
            setattr(spec.tensors[spec.index(name)], key, value)

    return edit


def inputs(**names: str | None) -> Edit:
    """An edit of the op's list of inputs: which tensor stands in which place."""

    def edit(spec: ModelSpec) -> None:
        cell = next(c for c in CELLS.values() if c.op_name == spec.op_name)
        for place, name in names.items():
            spec.inputs[input_names(cell).index(place)] = -1 if name is None else spec.index(name)

    return edit


def options(data: bytes) -> Edit:
    def edit(spec: ModelSpec) -> None:
        spec.custom_options = data

    return edit


def with_minus_128(spec: ModelSpec) -> None:
    u1 = spec.tensors[spec.index("U1")]
    data = bytearray(u1.data or b"")
    data[5] = 0x80
    u1.data = bytes(data)


def other_magic(spec: ModelSpec) -> None:
    other = next(c for c in CELLS.values() if c.op_name != spec.op_name)
    spec.custom_options = other.magic + spec.custom_options[4:]


def drop_inputs(spec: ModelSpec) -> None:
    spec.inputs = spec.inputs[:-1]


def no_inputs(spec: ModelSpec) -> None:
    spec.inputs = []


def nan_bias(spec: ModelSpec) -> None:
    bias = spec.tensors[spec.index("bias")]
    bias.data = np.full(bias.shape, np.nan, np.float32).tobytes()


def narrow_u2(spec: ModelSpec) -> None:
    u2 = spec.tensors[spec.index("U2")]
    u2.shape, u2.data = (u2.shape[0], 6), bytes(u2.shape[0] * 6)


def flat_bias(spec: ModelSpec) -> None:
    bias = spec.tensors[spec.index("bias")]
    bias.shape = (int(np.prod(bias.shape)),)


def int8_bias(spec: ModelSpec) -> None:
    bias = spec.tensors[spec.index("bias")]
    bias.type, bias.data = TYPE.INT8, bytes(int(np.prod(bias.shape)))


def many_inputs(spec: ModelSpec) -> None:
    spec.inputs = spec.inputs + [0] * 60


def drop_output(spec: ModelSpec) -> None:
    spec.outputs = spec.outputs[:-1]


def swap_outputs(spec: ModelSpec) -> None:
    y, h, *rest = spec.outputs
    spec.outputs = [h, y, *rest]


def short_options(spec: ModelSpec) -> None:
    spec.custom_options = spec.custom_options[:8]


def longer_options(spec: ModelSpec) -> None:
    spec.custom_options += b"\0"


def lengths_of(*shape: int) -> Edit:
    """An edit that adds the lengths, with this shape."""

    def edit(spec: ModelSpec) -> None:
        inputs(lengths="lengths")(spec)
        tensor("lengths", shape=shape)(spec)

    return edit


def last_state(**values: object) -> Edit:
    """An edit of the cell's last state after the last step."""

    def edit(spec: ModelSpec) -> None:
        tensor(spec.tensors[-1].name, **values)(spec)

    return edit


def last_state_before(**values: object) -> Edit:
    """An edit of the cell's last state before the first step."""

    def edit(spec: ModelSpec) -> None:
        tensor(f"{spec.tensors[-1].name}0", **values)(spec)

    return edit


def constant_output(spec: ModelSpec) -> None:
    # Nothing changes its size, so the runtime would let it pass.
    y = spec.tensors[spec.index("y")]
    y.data = bytes(int(np.prod(y.shape)))


def output_is_input(spec: ModelSpec) -> None:
    spec.outputs = [spec.outputs[0], spec.index("h0"), *spec.outputs[2:]]


def output_twice(spec: ModelSpec) -> None:
    spec.outputs = [spec.outputs[0], *[spec.outputs[0]] * (len(spec.outputs) - 1)]


# The case has units 24, input_dim 10, rank_x 6, rank_h 7. In messages {rows} is its kernels' rows,
# {inputs} and {outputs} their right numbers.
HOSTILE: list[tuple[str, Edit, str]] = [
    ("no options", options(b""), "not those of {op}"),
    ("short options", short_options, "must have {size} bytes"),
    ("long options", longer_options, "must have {size} bytes; got {longer}"),
    ("magic", field(0, "B", 0), "not those of {op}"),
    ("magic of another op", other_magic, "not those of {op}"),
    ("version", field(4, "H", 2), "version 2.*upgrade tfpipeline"),
    ("stated size", field(6, "H", 63), "which say 63"),
    ("time-major", field(8, "I", 4), "flags 0x4"),
    ("all flags", field(8, "I", 0xFFFFFFFF), "flags 0xffffffff"),
    ("gate", field(40, "B", 8), r"gate functions \(8, 1\)"),
    ("activation", field(41, "B", 9), r"gate functions \(1, 9\)"),
    ("steps at once", field(42, "B", 9), "steps_at_once must be 1 to 8, or 0 for 4; got 9"),
    ("3 bits", field(43, "B", 3), "weights of W1 must have 8, 4 or 2 bits; got 3"),
    ("6 bits", field(46, "B", 6), "weights of U2 must have 8, 4 or 2 bits; got 6"),
    ("planes of a factor", field(46, "B", 0x12), "U2 must have one plane, or up to 3 .*; got 2"),
    ("16 planes", field(45, "B", 0xF2), "U1 must have one plane, or up to 3 .*; got 16"),
    ("4 bits but bytes", field(45, "B", 4), r"U1 must have the shape \[7, 12\]; got \[7, 24\]"),
    ("norm without epsilon", field(8, "I", 9), "epsilon 0 of the layer normalization"),
    ("epsilon without norm", field(48, "f", 1e-3), "reserved byte 4"),
    ("window", field(47, "B", 255), "window 255 of 10 features"),
    ("no units", field(12, "I", 0), "units 0"),
    ("huge units", field(12, "I", 0xFFFFFFFF), "units 4294967295"),
    (
        "other units",
        field(12, "I", 25),
        r"must have the shape \[{more_rows}, 6\]; got \[{rows}, 6\]",
    ),
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
    (
        "few inputs",
        drop_inputs,
        "expected {inputs} inputs and {outputs} outputs; got {fewer} and {outputs}",
    ),
    ("no inputs", no_inputs, "got 0 and {outputs}"),
    ("many inputs", many_inputs, "got {many} and {outputs}"),
    ("one output", drop_output, "expected {inputs} inputs and {outputs} outputs; got {inputs} and"),
    ("swapped outputs", swap_outputs, "output y must be int8; got float32"),
    ("constant output", constant_output, "output 0 must not be a constant"),
    ("output is input", output_is_input, "must not be one tensor|unresolved custom op"),
    ("output twice", output_twice, "outputs 0 and 1 must not be one tensor"),
    ("lengths are floats", inputs(lengths="bias"), "lengths must be int32; got float32"),
    ("lengths of other batch", lengths_of(2), r"lengths must have the shape \[1\]; got \[2\]"),
    ("lengths of 2 dims", lengths_of(1, 1), r"lengths must have the shape \[1\]; got \[1, 1\]"),
    ("a scalar as lengths", lengths_of(), r"lengths must have the shape \[1\]; got \[\]"),
    ("x missing", inputs(x=None), "x is missing"),
    ("h0 missing", inputs(h0=None), "h0 is missing"),
    ("W1 missing", inputs(W1=None), "kernel W1 is missing"),
    ("W2 missing", inputs(W2=None), "kernel W2 is missing"),
    ("U1 missing", inputs(U1=None), "recurrent kernel U1 is missing"),
    ("U2 missing", inputs(U2=None), "recurrent kernel U2 is missing"),
    ("bias missing", inputs(bias=None), "bias is missing"),
    ("W1 and W2 swapped", inputs(W1="W2", W2="W1"), "kernel W1 must have the shape"),
    ("x is float", tensor("x", type=TYPE.FLOAT32), "x must be int8; got float32"),
    ("x is uint8", tensor("x", type=TYPE.UINT8), "x must be int8; got uint8"),
    ("x has 2 dims", tensor("x", shape=(7, 10)), r"shape \[any, any, 10\]; got \[7, 10\]"),
    ("x has 4 dims", tensor("x", shape=(1, 1, 7, 10)), "x must have the shape"),
    ("x is a scalar", tensor("x", shape=()), r"x must have the shape .*; got \[\]"),
    ("x has no time", tensor("x", shape=(1, 0, 10)), r"got \[1, 0, 10\]"),
    ("x has no batch", tensor("x", shape=(0, 7, 10)), r"got \[0, 7, 10\]"),
    ("x without scale", tensor("x", scales=None), "x must have one scale"),
    (
        "x with 10 scales",
        tensor("x", scales=(1.0,) * 10, zero_points=(0,) * 10, dimension=2),
        "x must have one",
    ),
    ("x with scale 0", tensor("x", scales=(0.0,)), "x: scale 0"),
    ("x with scale nan", tensor("x", scales=(float("nan"),)), "x: scale"),
    ("x zero point", tensor("x", zero_points=(999,)), "zero point 999"),
    ("h0 is int8", tensor("h0", type=TYPE.INT8), "h0 must be float32"),
    ("h0 of other units", tensor("h0", shape=(1, 23)), r"h0 must have the shape \[1, 24\]"),
    ("h0 of other batch", tensor("h0", shape=(2, 24)), r"h0 must have the shape \[1, 24\]"),
    ("W1 is int32", tensor("W1", type=TYPE.INT32, data=bytes(240)), "W1 must be int8; got int32"),
    ("W1 without data", tensor("W1", data=None), "W1 must be a constant"),
    ("U2 of other shape", narrow_u2, "U2 must have the shape"),
    ("W2 without scales", tensor("W2", scales=None), "one scale, or {rows} scales .* got 0"),
    (
        "U1 with one zero point that is not 0",
        tensor("U1", scales=(1.0,), zero_points=(3,)),
        "U1 must have zero points 0; got 3 in row 0",
    ),
    ("W2 with one scale of 0", tensor("W2", scales=(0.0,), zero_points=(0,)), "row 0 is 0"),
    ("U1 zero points", tensor("U1", zero_points=(0,) * 6 + (3,)), "zero points 0; got 3 in row 6"),
    ("U1 scale 0", tensor("U1", scales=(0.0,) * 7), "the scale of row 0 is 0"),
    ("U1 scale nan", tensor("U1", scales=(float("nan"),) * 7), "the scale of row 0"),
    ("U1 holds -128", with_minus_128, "row 0 holds -128"),
    ("bias is int8", int8_bias, "bias must be float32"),
    ("bias of one row", flat_bias, r"bias must have the shape \[{bias_rows}, {rows}\]"),
    ("bias without data", tensor("bias", data=None), "bias must be a constant"),
    ("bias nan", nan_bias, "bias: value 0"),
    ("y is float", tensor("y", type=TYPE.FLOAT32), "output y must be int8"),
    ("y without scale", tensor("y", scales=None), "output y must have one scale"),
    ("y zero point", tensor("y", zero_points=(1,)), "output y must have the scale"),
    ("h is int8", tensor("h", type=TYPE.INT8), "output h must be float32"),
    ("last state is int8", last_state(type=TYPE.INT8), "output {last} must be float32"),
    ("last state before", last_state_before(type=TYPE.INT8), "{last}0 must be float32"),
    ("other units before", last_state_before(shape=(1, 23)), r"{last}0 must have the shape"),
]


@pytest.mark.parametrize("place", [52, 63])
def test_parameters_are_in_range_and_0_where_there_are_none(cell: str, place: int) -> None:
    kind, spec = CELLS[cell], op_model(make_case(cell=cell))
    own = place < 52 + 4 * len(kind.parameters)
    if own:
        place -= place % 4
        field(place, "f", float("nan"))(spec)
    else:
        field(place, "B", 1)(spec)
    message = f"parameter {(place - 52) // 4} of {kind.op_name}" if own else f"byte {place} must be"
    with pytest.raises((RuntimeError, ValueError), match=message):
        allocate(spec)


def cells_and(cases: list[tuple[str, Edit, str]]) -> list[Any]:
    """Every cell with every case, but those of the recurrent kernel with cells that have one."""
    of_h = {"4 bits but bytes", "rank 0", "other rank"}
    return [
        pytest.param(cell, edit, message, id=f"{cell}-{name}")
        for cell, kind in CELLS.items()
        for name, edit, message in cases
        if kind.recurrent or not (name in of_h or name.startswith("U"))
    ]


@pytest.mark.parametrize(("cell", "edit", "message"), cells_and(HOSTILE))
def test_refused_by_name(cell: str, edit: Edit, message: str) -> None:
    kind = CELLS[cell]
    spec = op_model(make_case(rank_x=6, rank_h=7, cell=cell, window=1))
    edit(spec)
    count, outputs = len(input_names(kind)), 1 + len(kind.states)
    message = message.format(
        op=kind.op_name,
        rows=kind.rows(24),
        more_rows=kind.rows(25),
        bias_rows=kind.stored_rows,
        inputs=count,
        fewer=count - 1,
        many=count + 60,
        outputs=outputs,
        last=state_names(kind)[-1],
        size=options_size(kind),
        longer=options_size(kind) + 1,
    )
    # Some of these the runtime itself refuses, before or after asking the plug-in.
    with pytest.raises((RuntimeError, ValueError), match=message):
        allocate(spec)


def no_gains(spec: ModelSpec) -> None:
    spec.inputs = spec.inputs[:-1]


def nan_gains(spec: ModelSpec) -> None:
    gains = spec.tensors[spec.index("gains")]
    gains.data = np.full(gains.shape, np.nan, np.float32).tobytes()


def absent_gains(spec: ModelSpec) -> None:
    spec.inputs = [*spec.inputs[:-1], -1]


def other_gains(spec: ModelSpec) -> None:
    gains = spec.tensors[spec.index("gains")]
    gains.shape = gains.shape[::-1]


HOSTILE_NORMS: list[tuple[str, Edit, str]] = [
    ("no gains", no_gains, "expected {inputs} inputs and {outputs} outputs; got {fewer} and"),
    ("absent gains", absent_gains, "gains is missing"),
    ("gains of other shape", other_gains, r"gains must have the shape \[2, {rows}\]"),
    ("gains are int8", tensor("gains", type=TYPE.INT8, shape=()), "gains must be float32"),
    ("gains fed", tensor("gains", data=None), "gains must be a constant"),
    ("gains nan", nan_gains, "gains: value 0 is"),
    ("epsilon 0", field(48, "f", 0.0), "epsilon 0 of the layer normalization"),
    ("epsilon nan", field(48, "f", float("nan")), "of the layer normalization must lie in"),
    ("epsilon 2", field(48, "f", 2.0), "epsilon 2 of the layer normalization"),
    ("x scale", tensor("x", scales=(2.0**39,)), "with layer normalization the scale of a product"),
]


@pytest.mark.parametrize(
    ("edit", "message"), [h[1:] for h in HOSTILE_NORMS], ids=[h[0] for h in HOSTILE_NORMS]
)
def test_norms_are_refused_by_name(cell: str, edit: Edit, message: str) -> None:
    kind = CELLS[cell]
    spec = op_model(make_case(layer_norm=True, cell=cell))
    allocate(spec)
    edit(spec)
    count = len(input_names(kind)) + 1
    message = message.format(
        rows=kind.rows(24), inputs=count, fewer=count - 1, outputs=1 + len(kind.states)
    )
    with pytest.raises((RuntimeError, ValueError), match=message):
        allocate(spec)


def test_weights_quantized_along_the_wrong_dimension_are_refused(cell: str) -> None:
    rows = CELLS[cell].rows(4)
    # Both dimensions of W1 fit.
    spec = op_model(make_case(units=4, input_dim=rows, cell=cell, window=1))
    spec.tensors[spec.index("W1")].dimension = 1
    with pytest.raises(RuntimeError, match=f"{rows} scales along dimension 0; got {rows} along 1"):
        allocate(spec)


@pytest.mark.parametrize("cell", [c for c, kind in CELLS.items() if not kind.recurrent])
def test_what_belongs_to_windows_is_checked(cell: str) -> None:
    for edit, message in (
        (field(24, "I", 7), "rank_h must be 0 without a recurrent kernel; got 7"),
        (field(8, "I", 3), "go_backwards needs a window of 1; got 3"),
        (tensor("x", shape=(1, 2, 10)), "x must have at least 3 time steps; got 2"),
        (inputs(U1="W1"), "recurrent kernel U1 must be left out of this op"),
        (inputs(U2="W1"), "recurrent kernel U2 must be left out of this op"),
    ):
        spec = op_model(make_case(cell=cell, window=3))
        edit(spec)
        with pytest.raises((RuntimeError, ValueError), match=message):
            allocate(spec)


def test_the_original_is_accepted(cell: str) -> None:
    allocate(op_model(make_case(rank_x=6, rank_h=7, cell=cell)))


def test_random_options_never_crash(cell: str) -> None:
    rng = np.random.default_rng(0)
    good = make_case(cell=cell).options.pack()
    for _ in range(300):
        spec = op_model(make_case(cell=cell))
        data = bytearray(good)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        spec.custom_options = bytes(data)
        try:
            allocate(spec)
        except (RuntimeError, ValueError) as error:
            assert f"tfpipeline.{cell}" in str(error)


def test_sizes_that_overflow_are_refused(cell: str) -> None:
    spec = op_model(make_case(units=24, input_dim=10, cell=cell))
    spec.tensors[0].shape = (1 << 14, 1 << 14, 10)
    for name in state_names(CELLS[cell]):
        spec.tensors[spec.index(f"{name}0")].shape = (1 << 14, 24)
    with pytest.raises((RuntimeError, ValueError), match="too large|overflow|BytesRequired"):
        allocate(spec)
