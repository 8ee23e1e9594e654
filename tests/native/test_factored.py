"""tfpipeline.factored_fully_connected in a stock ai-edge-litert interpreter."""

from __future__ import annotations

import struct
from dataclasses import replace

import golden_layers
import make_factored_golden
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from factored_models import (
    FactoredModel,
    factored_model,
    make_factored,
    stock_model,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.numerics.factored import QuantizedFactor
from tfpipeline.numerics.factored_options import FactoredOptions
from tfpipeline.runtime.native import library_path


def interpreter(model: bytes, **options: str) -> Interpreter:
    delegates = [load_delegate(str(library_path()), options=options)] if options else []
    it = Interpreter(model_content=model, experimental_delegates=delegates, num_threads=1)
    it.allocate_tensors()
    return it


def invoke(it: Interpreter, x: np.ndarray) -> np.ndarray:
    it.set_tensor(it.get_input_details()[0]["index"], x)
    it.invoke()
    return np.array(it.get_tensor(it.get_output_details()[0]["index"]))


def same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.shape == expected.shape and got.dtype == expected.dtype
    view = np.int8 if got.dtype == np.int8 else np.int32
    np.testing.assert_array_equal(got.view(view), expected.view(view))


#: Rows, depth, rank, batch.
SHAPES = [(1, 1, 1, 1), (15, 13, 5, 2), (16, 16, 16, 3), (100, 67, 18, 5), (33, 140, 33, 8)]
SHAPES += [(40, 24, 7, (3, 2)), (7, 9, 3, 9)]


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("bits", [(8, 8), (8, 4), (4, 8), (2, 2)], ids=str)
@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
def test_bits_of_the_spec(isa: str, dtype: type, bits: tuple[int, int], activation: str) -> None:
    for seed, (rows, depth, rank, batch) in enumerate(SHAPES):
        case = make_factored(rows, depth, rank, batch, bits, dtype, activation, seed=seed)
        same_bits(invoke(interpreter(factored_model(case), isa=isa), case.x), case.reference())


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 220),
    depth=st.integers(1, 70),
    rank=st.integers(1, 40),
    batch=st.integers(1, 19),
    bits=st.tuples(st.sampled_from([8, 4, 2]), st.sampled_from([8, 4, 2])),
    dtype=st.sampled_from([np.int8, np.float32]),
    per_row=st.booleans(),
    bias=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
def test_bits_of_the_spec_for_any_shape(threads: int, **arguments) -> None:
    case = make_factored(**arguments)
    it = interpreter(factored_model(case), isa="auto", num_threads=str(threads))
    same_bits(invoke(it, case.x), case.reference())


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
def test_int8_has_the_bits_of_two_stock_nodes(isa: str, activation: str) -> None:
    for batch in (1, 2, 5, 9):
        case = make_factored(200, 67, 20, batch, activation=activation, seed=batch)
        stock = invoke(interpreter(stock_model(case)), case.x)
        same_bits(invoke(interpreter(factored_model(case), isa=isa), case.x), stock)


def test_bits_do_not_depend_on_threads(isa: str) -> None:
    for dtype in (np.int8, np.float32):
        case = make_factored(1500, 900, 160, 3, dtype=dtype)
        expected = case.reference()
        for threads in ("1", "2", "3", "7"):
            it = interpreter(factored_model(case), isa=isa, num_threads=threads)
            for _ in range(5):
                same_bits(invoke(it, case.x), expected)


def test_resize_and_run_again() -> None:
    case = make_factored(50, 24, 6, 3)
    it = interpreter(factored_model(case), isa="auto")
    index = it.get_input_details()[0]["index"]
    for batch in (3, 1, 12, 3):
        x = np.resize(case.x, (batch, 24))
        it.resize_tensor_input(index, x.shape)
        it.allocate_tensors()
        same_bits(invoke(it, x), replace(case, x=x).reference())


def test_full_rank_with_an_identity_is_one_layer() -> None:
    # W2 = I and no requantization in between: what is left is the first factor.
    case = make_factored(12, 24, 12, 4, bias=False, seed=2)
    identity = QuantizedFactor(np.eye(12, dtype=np.int8), np.ones(12, np.float32))
    case = replace(
        case,
        last=identity,
        y_scale=case.options.inner_scale,
        y_zero_point=case.options.inner_zero_point,
    )
    exact = (case.x.astype(float) - case.x_zero_point) * case.x_scale
    exact = exact @ (case.first.values * case.first.scales[:, None]).T
    y = invoke(interpreter(factored_model(case), isa="auto"), case.x)
    real = (y.astype(float) - case.y_zero_point) * case.y_scale
    inside = (y > -128) & (y < 127)
    assert inside.mean() > 0.3
    # Half a level of rounding, and float32 rounding at the ties.
    assert np.abs(real - exact)[inside].max() <= 0.501 * case.y_scale


CASE = make_factored(20, 12, 6)  # the model's tensors are x 0, W1 1, W2 2, b 3, y 4
OPTIONS = CASE.options.pack()


def options(offset: int, form: str, value: float) -> FactoredModel:
    data = bytearray(OPTIONS)
    struct.pack_into("<" + form, data, offset, value)
    return FactoredModel(custom_options=bytes(data))


def low(factor: QuantizedFactor) -> np.ndarray:
    values = factor.values.copy()
    values[4, 3] = -128
    return values


HOSTILE: list[tuple[str, FactoredModel, str]] = [
    ("no options", FactoredModel(custom_options=b""), "not those of"),
    ("other op", FactoredModel(custom_options=b"TFPF" + OPTIONS[4:]), "not those of"),
    ("short", FactoredModel(custom_options=OPTIONS[:8]), "must have 40 bytes; got 8"),
    ("long", FactoredModel(custom_options=OPTIONS + b"\0"), "must have 40 bytes; got 41"),
    ("version", options(4, "H", 2), "version 2.*upgrade tfpipeline"),
    ("stated size", options(6, "H", 39), "which say 39"),
    ("flags", options(8, "I", 1), "flags 0x1"),
    ("reserved", options(39, "B", 1), "reserved byte 39"),
    ("no rows", options(12, "I", 0), "rows 0"),
    ("huge rows", options(12, "I", 0xFFFFFFFF), "rows 4294967295"),
    ("other rows", options(12, "I", 21), "last factor: weights must hold 126 bytes"),
    ("no depth", options(16, "I", 0), "depth 0"),
    ("other depth", options(16, "I", 11), "x must hold vectors of 11"),
    ("no rank", options(20, "I", 0), "rank 0"),
    ("huge rank", options(20, "I", 65537), "rank 65537"),
    ("other rank", options(20, "I", 7), "first factor: weights must hold 84 bytes"),
    ("first bits", options(24, "B", 3), "first_bits must be 8, 4 or 2; got 3"),
    ("last bits", options(25, "B", 0), "last_bits must be 8, 4 or 2; got 0"),
    ("other bits", options(25, "B", 4), "last factor: weights must hold 60 bytes"),
    ("activation", options(26, "B", 2), "activation must be 0"),
    ("scale nan", options(28, "f", float("nan")), "inner scale nan"),
    ("scale negative", options(28, "f", -1.0), "inner scale -1"),
    ("scale huge", options(28, "f", 1e30), r"inner scale 1e\+30"),
    ("float options", options(27, "5s", b"\0" * 5), "inner scale must be 0 where x is float32"),
    ("few inputs", FactoredModel(inputs=(0, 1, 2)), "expected 4 inputs and 1 output; got 3"),
    ("x missing", FactoredModel(inputs=(-1, 1, 2, 3)), "a tensor is missing"),
    ("factor missing", FactoredModel(inputs=(0, 1, -1, 3)), "a tensor is missing"),
    ("factors swapped", FactoredModel(inputs=(0, 2, 1, 3)), "first factor: weights must hold"),
    ("bias as factor", FactoredModel(inputs=(0, 1, 3, 3)), "last factor: weights must be bytes"),
    ("x without scale", FactoredModel(x_quantization=False), "x must have one scale"),
    ("x is empty", FactoredModel(x_shape=(0, 12)), "x has dimension 0 of size 0"),
    ("y is float", FactoredModel(y_dtype=np.float32), "y must have the type of x"),
    ("first -128", FactoredModel(weights_data=(low(CASE.first), None)), "first factor: .* row 4"),
    ("last -128", FactoredModel(weights_data=(None, low(CASE.last))), "last factor: .* row 4"),
    ("first scale", FactoredModel(weights_scale=(0.0, None)), "first factor: .* row 0 is 0"),
    ("last scale", FactoredModel(weights_scale=(None, 1e6)), r"last factor: .*\[2\^-32, 256\)"),
    ("variable weights", FactoredModel(weights_constant=False), "first factor: .* a constant"),
    ("float bias", FactoredModel(bias_data=np.zeros(20, np.float32)), "bias must be int32"),
    ("short bias", FactoredModel(bias_data=np.zeros(19, np.int32)), "bias must have 20 values"),
]


@pytest.mark.parametrize(("edit", "message"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_refused_by_name(edit: FactoredModel, message: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=message) as caught:
        interpreter(factored_model(CASE, edit), isa="auto")
    assert "tfpipeline.factored_fully_connected (node 0)" in str(caught.value)


def test_random_options_never_crash() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(OPTIONS)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        try:
            interpreter(factored_model(CASE, FactoredModel(custom_options=bytes(data))), isa="auto")
        except (RuntimeError, ValueError) as error:
            assert "tfpipeline.factored_fully_connected" in str(error)


def test_options_have_the_documented_bytes() -> None:
    packed = FactoredOptions(96, 40, 7, 4, 2, "relu6", 0.5, -2).pack()
    expected = "54465050 0100 2800 00000000 60000000 28000000 07000000 04 02 03 fe 0000003f"
    assert packed == bytes.fromhex(expected.replace(" ", "") + "00" * 8)
    assert FactoredOptions.unpack(packed).inner_zero_point == -2


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d[:-1], "must have 40 bytes"),
        (lambda d: b"NOPE" + d[4:], "must begin with"),
        (lambda d: d[:4] + b"\x02" + d[5:], "upgrade tfpipeline"),
        (lambda d: d[:8] + b"\x04" + d[9:], "not in its spec"),
        (lambda d: d[:12] + bytes(4) + d[16:], "rows must lie"),
        (lambda d: d[:20] + bytes(4) + d[24:], "rank must lie"),
        (lambda d: d[:25] + b"\x05" + d[26:], "last_bits must be"),
        (lambda d: d[:26] + b"\x02" + d[27:], "activation must be one of"),
        (lambda d: d[:27] + b"\x02" + bytes(4) + d[32:], "inner_scale must lie"),
        (lambda d: d[:-1] + b"\x01", "not in its spec"),
    ],
)
def test_foreign_options_are_refused(edit, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FactoredOptions.unpack(edit(OPTIONS))


def test_the_spec_still_makes_the_golden_file() -> None:
    text = make_factored_golden.PATH.read_text(encoding="utf-8")
    assert text == make_factored_golden.golden_text()


@pytest.mark.parametrize("entry", golden_layers.FACTORED, ids=lambda e: e.name)
def test_kernels_return_the_golden_bytes(isa: str, entry: golden_layers.GoldenEntry) -> None:
    case = entry.factored()
    assert invoke(interpreter(factored_model(case), isa=isa), case.x).tobytes() == entry.y
