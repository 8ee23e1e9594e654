"""tfpipeline.embedding in a stock ai-edge-litert interpreter."""

from __future__ import annotations

import struct
from dataclasses import replace

import golden_layers
import make_embedding_golden
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from embedding_models import (
    EmbeddingCase,
    EmbeddingModel,
    embedding_model,
    make_embedding,
    sparse_product,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.numerics.embedding import embedding_float, embedding_int8
from tfpipeline.numerics.embedding_options import EmbeddingOptions
from tfpipeline.numerics.factored import QuantizedFactor
from tfpipeline.runtime.native import library_path


def interpreter(model: bytes, isa: str = "auto", threads: int = 1) -> Interpreter:
    options = {"isa": isa, "num_threads": str(threads)}
    delegate = load_delegate(str(library_path()), options=options)
    it = Interpreter(model_content=model, experimental_delegates=[delegate], num_threads=1)
    it.allocate_tensors()
    return it


def invoke(it: Interpreter, ids: np.ndarray) -> np.ndarray:
    it.set_tensor(it.get_input_details()[0]["index"], ids)
    it.invoke()
    return np.array(it.get_tensor(it.get_output_details()[0]["index"]))


def same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.shape == expected.shape and got.dtype == expected.dtype
    view = np.int8 if got.dtype == np.int8 else np.int32
    np.testing.assert_array_equal(got.view(view), expected.view(view))


#: Vocabulary, width, units, shape of the ids.
SHAPES = [(1, 1, 1, (1,)), (50, 9, 0, (1, 6)), (23, 16, 40, (2, 3)), (300, 29, 100, (1, 19))]
SHAPES += [(9, 67, 0, (3, 1, 2)), (17, 140, 33, (8,)), (5, 3, 250, (1, 9))]


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("bits", [(8, 8), (4, 8), (8, 4), (4, 4), (2, 2)], ids=str)
def test_bits_of_the_spec(isa: str, dtype: type, bits: tuple[int, int]) -> None:
    for seed, shape in enumerate(SHAPES):
        case = make_embedding(*shape, bits, dtype, seed=seed)
        same_bits(invoke(interpreter(embedding_model(case), isa), case.ids), case.reference())


@settings(max_examples=60, deadline=None)
@given(
    vocabulary=st.integers(1, 200),
    width=st.integers(1, 90),
    units=st.integers(0, 220),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    bits=st.tuples(st.sampled_from([8, 4, 2]), st.sampled_from([8, 4, 2])),
    dtype=st.sampled_from([np.int8, np.float32]),
    per_row=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_bits_of_the_spec_for_any_shape(**arguments) -> None:
    case = make_embedding(**arguments)
    same_bits(invoke(interpreter(embedding_model(case)), case.ids), case.reference())


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_products_of_ternary_and_of_sparse_weights(isa: str, dtype: type) -> None:
    rng = np.random.default_rng(0)
    case = make_embedding(40, 35, 64, (1, 11), (4, 2), dtype)
    ternary = rng.integers(-1, 2, case.product.values.shape).astype(np.int8)
    case = replace(case, product=QuantizedFactor(ternary, case.product.scales))
    model = embedding_model(case, EmbeddingModel(trits=True))
    same_bits(invoke(interpreter(model, isa), case.ids), case.reference())
    case = sparse_product(40, 32, 64, shape=(1, 11), bits=(4, 8), dtype=dtype)
    model = embedding_model(case, EmbeddingModel(sparse=True))
    same_bits(invoke(interpreter(model, isa), case.ids), case.reference())


def test_a_product_with_the_identity_is_the_row() -> None:
    case = make_embedding(30, 24, 24, (1, 30), seed=1)
    identity = QuantizedFactor(np.eye(24, dtype=np.int8), np.ones(24, np.float32))
    case = replace(case, product=identity)
    plain = replace(case, product=None, options=EmbeddingOptions(30, 24))
    rows = (case.table.values * case.table.scales[:, None])[case.ids]
    for one in (case, plain):
        np.testing.assert_array_equal(invoke(interpreter(embedding_model(one)), case.ids), rows)


@pytest.mark.parametrize("bits", [(8, 8), (4, 4)], ids=str)
def test_scales_at_the_ends_of_their_range(isa: str, bits: tuple[int, int]) -> None:
    ends = np.float32([2.0**-40, 2.0**40])
    for y_scale in (None, 2.0**-40, 2.0**40, 1.0):
        for product in (None, 2.0**-32, 255.0):
            case = make_embedding(2, 20, 0 if product is None else 30, (1, 2), bits)
            case = replace(
                case,
                table=QuantizedFactor(case.table.values, ends),
                y_scale=y_scale,
                y_zero_point=0,
            )
            if product is not None:
                scales = np.full(30, product, np.float32)
                case = replace(case, product=QuantizedFactor(case.product.values, scales))
            with np.errstate(over="ignore"):
                expected = case.reference()
            same_bits(invoke(interpreter(embedding_model(case), isa), case.ids), expected)


def test_resize_and_run_again() -> None:
    case = make_embedding(50, 24, 6, (1, 3))
    it = interpreter(embedding_model(case))
    index = it.get_input_details()[0]["index"]
    for shape in ((1, 3), (1, 1), (2, 12), (1, 3)):
        ids = np.resize(case.ids, shape)
        it.resize_tensor_input(index, shape)
        it.allocate_tensors()
        same_bits(invoke(it, ids), replace(case, ids=ids).reference())


@pytest.mark.parametrize("units", [0, 12])
@pytest.mark.parametrize("bad", [-1, 20, -(2**31), 2**31 - 1])
def test_ids_out_of_range_are_an_error_and_no_end(bad: int, units: int) -> None:
    case = make_embedding(20, 12, units, (1, 5))
    it = interpreter(embedding_model(case))
    expected = invoke(it, case.ids)
    ids = case.ids.copy()
    ids[0, 3] = bad
    with pytest.raises(RuntimeError, match=rf"id {bad} at position 3 must lie in \[0, 19\]"):
        invoke(it, ids)
    same_bits(invoke(it, case.ids), expected)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf, 2.0**-41])
def test_a_scale_of_no_size_is_an_error_where_its_row_is_asked_for(scale: float) -> None:
    case = make_embedding(20, 12, 0, (1, 5))
    scales = case.table.scales.copy()
    scales[7] = scale
    it = interpreter(embedding_model(case, EmbeddingModel(scales_data=scales)))
    invoke(it, np.int32([[0, 1, 2, 19, 6]]))
    with pytest.raises(RuntimeError, match="the scale of row 7 is"):
        invoke(it, np.int32([[0, 1, 7, 19, 6]]))
    with pytest.raises(ValueError, match="scales of rows must lie"):
        embedding_float([7], QuantizedFactor(case.table.values, scales))


CASE = make_embedding(20, 12, 6)  # the model's tensors are ids 0, table 1, scales 2, W 3, y 4
INT8 = make_embedding(20, 12, 6, dtype=np.int8)
PLAIN = make_embedding(20, 12)
OPTIONS = CASE.options.pack()


def options(offset: int, form: str, value: float) -> EmbeddingModel:
    data = bytearray(OPTIONS)
    struct.pack_into("<" + form, data, offset, value)
    return EmbeddingModel(custom_options=bytes(data))


def low() -> np.ndarray:
    values = CASE.product.values.copy()
    values[4, 3] = -128
    return values


PRODUCT = PLAIN.options.pack()[:20] + b"\6\0\0\0\x08\x08" + bytes(6)
HOSTILE: list[tuple[str, EmbeddingCase, EmbeddingModel, str]] = [
    ("no options", CASE, EmbeddingModel(custom_options=b""), "not those of"),
    ("other op", CASE, EmbeddingModel(custom_options=b"TFPF" + OPTIONS[4:]), "not those of"),
    ("short", CASE, EmbeddingModel(custom_options=OPTIONS[:8]), "must have 32 bytes; got 8"),
    ("long", CASE, EmbeddingModel(custom_options=OPTIONS + b"\0"), "must have 32 bytes; got 33"),
    ("version", CASE, options(4, "H", 2), "version 2.*upgrade tfpipeline"),
    ("stated size", CASE, options(6, "H", 31), "which say 31"),
    ("flags", CASE, options(8, "I", 1), "flags 0x1"),
    ("reserved", CASE, options(31, "B", 1), "reserved byte 31"),
    ("no vocabulary", CASE, options(12, "I", 0), "vocabulary 0"),
    ("huge vocabulary", CASE, options(12, "I", 0xFFFFFFFF), "vocabulary 4294967295"),
    ("other vocabulary", CASE, options(12, "I", 21), "the table must hold 252 bytes"),
    ("no width", CASE, options(16, "I", 0), "width 0"),
    ("huge width", CASE, options(16, "I", 65537), "width 65537"),
    ("other width", CASE, options(16, "I", 11), "the table must hold 220 bytes"),
    ("huge units", CASE, options(20, "I", 1 << 21), "units 2097152"),
    ("other units", CASE, options(20, "I", 7), "W: weights must hold 84 bytes"),
    ("table bits", CASE, options(24, "B", 3), "table_bits must be 8, 4 or 2; got 3"),
    ("other table bits", CASE, options(24, "B", 4), "the table must hold 120 bytes"),
    ("product bits", CASE, options(25, "B", 0), "product_bits must be"),
    ("bits of no product", CASE, options(20, "I", 0), "product_bits must be"),
    ("few inputs", CASE, EmbeddingModel(inputs=(0, 1, 2)), "expected 4 inputs and 1 output; got 3"),
    ("ids missing", CASE, EmbeddingModel(inputs=(-1, 1, 2, 3)), "a tensor is missing"),
    ("scales missing", CASE, EmbeddingModel(inputs=(0, 1, -1, 3)), "a tensor is missing"),
    ("W missing", CASE, EmbeddingModel(inputs=(0, 1, 2, -1)), "W is missing, and units is 6"),
    ("W too many", PLAIN, EmbeddingModel(inputs=(0, 1, 2, 1)), "W must be left out"),
    ("W promised", PLAIN, EmbeddingModel(custom_options=PRODUCT), "W is missing"),
    ("ids as int64", CASE, EmbeddingModel(ids_dtype=np.int64), "ids must be int32; got type 4"),
    ("ids as float", CASE, EmbeddingModel(ids_dtype=np.float32), "ids must be int32; got type 1"),
    ("no ids", CASE, EmbeddingModel(ids_shape=(1, 0)), "ids has dimension 1 of size 0"),
    ("eight dimensions", CASE, EmbeddingModel(ids_shape=(1,) * 8), "ids must have 1 to 7"),
    ("one id alone", CASE, EmbeddingModel(ids_shape=()), "ids must have 1 to 7 dimensions"),
    (
        "too many ids",
        PLAIN,
        EmbeddingModel(ids_shape=(1 << 14, 1 << 13)),
        "ids has dimension 1 of size 8192, or is too large",
    ),
    ("short table", CASE, EmbeddingModel(table_data=np.zeros((19, 12), np.int8)), "240 bytes"),
    ("float table", CASE, EmbeddingModel(table_data=np.zeros((5, 12), np.float32)), "be bytes"),
    ("short scales", CASE, EmbeddingModel(scales_data=np.ones(19, np.float32)), "1 or 20 values"),
    ("int scales", CASE, EmbeddingModel(scales_data=np.ones(20, np.int32)), "must be float32"),
    ("variable table", CASE, EmbeddingModel(constants=False), "a constant of the model"),
    ("W is low", CASE, EmbeddingModel(product_data=low()), "row 4 holds -128"),
    (
        "W as int32",
        CASE,
        EmbeddingModel(product_data=np.zeros((6, 3), np.int32)),
        "W: weights must",
    ),
    ("scale of W", CASE, EmbeddingModel(product_scale=0.0), "row 0 is 0"),
    ("large scale of W", CASE, EmbeddingModel(product_scale=256.0), r"\[2\^-32, 256\)"),
    ("y is int32", CASE, EmbeddingModel(y_dtype=np.int32), "y must be int8 or float32; got type 2"),
    ("y without scale", INT8, EmbeddingModel(y_quantization=False), "y must have one scale"),
    ("scale of y", replace(INT8, y_scale=1e30), EmbeddingModel(), "y: scale"),
]


@pytest.mark.parametrize(
    ("case", "edit", "message"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE]
)
def test_refused_by_name(case: EmbeddingCase, edit: EmbeddingModel, message: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=message) as caught:
        interpreter(embedding_model(case, edit))
    assert "tfpipeline.embedding (node 0)" in str(caught.value)


def test_random_options_never_crash() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(OPTIONS)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        try:
            interpreter(embedding_model(CASE, EmbeddingModel(custom_options=bytes(data))))
        except (RuntimeError, ValueError) as error:
            assert "tfpipeline.embedding" in str(error)


def test_options_have_the_documented_bytes() -> None:
    packed = EmbeddingOptions(400_000, 29, 300, 4, 8).pack()
    expected = "54465045 0100 2000 00000000 801a0600 1d000000 2c010000 04 08"
    assert packed == bytes.fromhex(expected.replace(" ", "") + "00" * 6)
    assert EmbeddingOptions.unpack(packed).output_width == 300
    assert EmbeddingOptions(7, 5, table_bits=2).pack()[24:26] == b"\x02\x00"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d[:-1], "must have 32 bytes"),
        (lambda d: b"NOPE" + d[4:], "must begin with"),
        (lambda d: d[:4] + b"\x02" + d[5:], "upgrade tfpipeline"),
        (lambda d: d[:8] + b"\x04" + d[9:], "not in its spec"),
        (lambda d: d[:12] + bytes(4) + d[16:], "vocabulary must lie"),
        (lambda d: d[:15] + b"\x80" + d[16:], "vocabulary must lie"),
        (lambda d: d[:16] + bytes(4) + d[20:], "width must lie"),
        (lambda d: d[:20] + b"\xff" * 4 + d[24:], "units must lie"),
        (lambda d: d[:24] + b"\x05" + d[25:], "table_bits must be"),
        (lambda d: d[:25] + b"\x05" + d[26:], "product_bits must be"),
        (lambda d: d[:20] + bytes(4) + d[24:], "not in its spec"),
        (lambda d: d[:-1] + b"\x01", "not in its spec"),
    ],
)
def test_foreign_options_are_refused(edit, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbeddingOptions.unpack(edit(OPTIONS))


@pytest.mark.parametrize("bad", [-1, 20])
def test_the_spec_refuses_ids_too(bad: int) -> None:
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 19\]"):
        embedding_int8([0, bad], CASE.table, y_scale=1.0, y_zero_point=0)


def test_the_spec_still_makes_the_golden_file() -> None:
    text = make_embedding_golden.PATH.read_text(encoding="utf-8")
    assert text == make_embedding_golden.golden_text()


@pytest.mark.parametrize("entry", golden_layers.EMBEDDINGS, ids=lambda e: e.name)
def test_kernels_return_the_golden_bytes(isa: str, entry: golden_layers.GoldenEntry) -> None:
    case = entry.embedding()
    assert invoke(interpreter(embedding_model(case), isa), case.ids).tobytes() == entry.y
