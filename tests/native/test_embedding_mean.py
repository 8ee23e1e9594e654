"""Means of words by tfpipeline.embedding in a stock ai-edge-litert interpreter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from embedding_models import (
    EmbeddingCase,
    EmbeddingModel,
    embedding_model,
    make_embedding,
    sparse_product,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_embedding import CASE, interpreter, invoke, low, options, same_bits

from tfpipeline.numerics.embedding_options import EmbeddingOptions, Mean
from tfpipeline.numerics.factored import QuantizedFactor

#: Vocabulary, width, units, shape of the ids.
MEANS = [(1, 1, 1, (1,)), (50, 9, 0, (2, 6)), (23, 16, 40, (2, 3)), (300, 29, 100, (1, 19))]
MEANS += [(9, 67, 0, (3, 1, 2)), (17, 140, 33, (8,)), (300, 31, 1, (1, 40))]


@pytest.mark.parametrize("mean", [Mean.PLAIN, Mean.MASKED, Mean.MASKED_OR_NAN], ids=str)
@pytest.mark.parametrize("bits", [(8, 8), (4, 8), (8, 4), (2, 2)], ids=str)
def test_bits_of_means(isa: str, mean: Mean, bits: tuple[int, int]) -> None:
    for seed, shape in enumerate(MEANS):
        for dtype in (np.float32, np.int8)[: 1 if mean == Mean.MASKED_OR_NAN else 2]:
            case = make_embedding(*shape, bits, dtype, seed=seed, mean=mean)
            if mean != Mean.PLAIN and case.ids.size > 1:
                case.ids.flat[1::3] = 0
            got = invoke(interpreter(embedding_model(case), isa), case.ids)
            same_bits_or_nan(got, case.reference())


@settings(max_examples=60, deadline=None)
@given(
    vocabulary=st.integers(1, 200),
    width=st.integers(1, 90),
    units=st.integers(0, 120),
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    bits=st.tuples(st.sampled_from([8, 4, 2]), st.sampled_from([8, 4, 2])),
    dtype=st.sampled_from([np.int8, np.float32]),
    per_row=st.booleans(),
    seed=st.integers(0, 2**16),
    mean=st.sampled_from([Mean.PLAIN, Mean.MASKED]),
    padding=st.integers(0, 6),
)
def test_bits_of_means_of_any_shape(padding: int, **arguments) -> None:
    case = make_embedding(**arguments)
    case.ids[..., case.ids.shape[-1] - min(padding, case.ids.shape[-1]) :] = 0
    same_bits(invoke(interpreter(embedding_model(case)), case.ids), case.reference())


def same_bits_or_nan(got: np.ndarray, expected: np.ndarray) -> None:
    """Processors have several NaN."""
    if got.dtype == np.float32:
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
        got, expected = np.nan_to_num(got), np.nan_to_num(expected)
    same_bits(got, expected)


@pytest.mark.parametrize("units", [0, 7])
def test_the_mean_of_no_words(isa: str, units: int) -> None:
    for mean in (Mean.MASKED, Mean.MASKED_OR_NAN):
        case = make_embedding(30, 10, units, (2, 5), mean=mean)
        ids = np.int32([[0] * 5, [3, 0, 4, 0, 0]])
        found = invoke(interpreter(embedding_model(case), isa), ids)
        assert np.isfinite(found[1]).all() and found[1].any()
        assert np.isnan(found[0]).all() if mean == Mean.MASKED_OR_NAN else not found[0].any()
    case = make_embedding(30, 10, units, (2, 5), dtype=np.int8, mean=Mean.MASKED)
    found = invoke(interpreter(embedding_model(case), isa), ids)
    assert (found[0] == case.y_zero_point).all()


def test_means_of_products_with_ternary_weights(isa: str) -> None:
    case = make_embedding(40, 35, 64, (2, 11), (4, 2), mean=Mean.PLAIN)
    ternary = np.random.default_rng(0).integers(-1, 2, case.product.values.shape).astype(np.int8)
    case = replace(case, product=QuantizedFactor(ternary, case.product.scales))
    model = embedding_model(case, EmbeddingModel(trits=True))
    same_bits(invoke(interpreter(model, isa), case.ids), case.reference())


def test_means_at_the_ends_of_the_scales(isa: str) -> None:
    for scale in np.float32([2.0**-40, 2.0**40]):
        for y_scale in (None, 2.0**-40, 2.0**40):
            case = make_embedding(5, 20, 9, (2, 6), mean=Mean.MASKED)
            table = QuantizedFactor(case.table.values, np.full(5, scale, np.float32))
            case = replace(case, table=table, y_scale=y_scale, y_zero_point=0)
            with np.errstate(over="ignore"):
                expected = case.reference()
            same_bits(invoke(interpreter(embedding_model(case), isa), case.ids), expected)


def test_means_resize_and_run_again() -> None:
    case = make_embedding(50, 24, 6, (1, 3), mean=Mean.PLAIN)
    it = interpreter(embedding_model(case))
    index = it.get_input_details()[0]["index"]
    for shape in ((1, 3), (1, 1), (2, 12), (1, 3)):
        ids = np.resize(case.ids, shape)
        it.resize_tensor_input(index, shape)
        it.allocate_tensors()
        same_bits(invoke(it, ids), replace(case, ids=ids).reference())
    with pytest.raises(RuntimeError, match=r"id 50 at position 2 must lie in \[0, 49\]"):
        invoke(it, np.int32([[1, 2, 50]]))


MEAN = make_embedding(20, 12, 6, mean=Mean.MASKED)
NAN = make_embedding(20, 12, 6, dtype=np.int8, mean=Mean.MASKED_OR_NAN)
SPARSE = sparse_product(20, 12, 8, bits=(8, 8), mean=Mean.PLAIN)
HOSTILE = [
    ("reserved", CASE, options(27, "B", 1), "reserved byte 27"),
    ("mean", CASE, options(26, "B", 4), "mean must be 0 to 3; got 4"),
    ("NaN in int8", NAN, EmbeddingModel(), "y must be float32 where mean is 3"),
    ("sparse W of a mean", SPARSE, EmbeddingModel(sparse=True), "W must not be sparse"),
    ("W of a mean is low", MEAN, EmbeddingModel(product_data=low()), "row 4 holds -128"),
    ("W of a mean missing", MEAN, EmbeddingModel(inputs=(0, 1, 2, -1)), "W is missing"),
]


@pytest.mark.parametrize(
    ("case", "edit", "message"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE]
)
def test_refused_by_name(case: EmbeddingCase, edit: EmbeddingModel, message: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=message) as caught:
        interpreter(embedding_model(case, edit))
    assert "tfpipeline.embedding (node 0)" in str(caught.value)


def test_options_have_the_documented_byte() -> None:
    packed = EmbeddingOptions(7, 5, mean=Mean.MASKED).pack()
    assert packed[:26] == EmbeddingOptions(7, 5).pack()[:26] and packed[26:] == b"\2" + bytes(5)
    assert EmbeddingOptions.unpack(packed).mean is Mean.MASKED
    for data, message in (
        (packed[:26] + b"\4" + packed[27:], "mean must be one of"),
        (packed[:27] + b"\1" + packed[28:], "not in its spec"),
    ):
        with pytest.raises(ValueError, match=message):
            EmbeddingOptions.unpack(data)
