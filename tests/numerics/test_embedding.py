"""The lookup of embeddings against sums that are formed number by number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.numerics.embedding import embedding_float, embedding_int8
from tfpipeline.numerics.embedding_options import MAX_VOCABULARY, EmbeddingOptions
from tfpipeline.numerics.factored import QuantizedFactor
from tfpipeline.numerics.fully_connected import pack_rows, unpack_rows
from tfpipeline.numerics.ops import OPS


def factor(rng: np.random.Generator, rows: int, columns: int, bits: int = 8) -> QuantizedFactor:
    high = 2 ** (bits - 1)
    values = rng.integers(-high, high, (rows, columns)).astype(np.int8)
    return QuantizedFactor(values, rng.uniform(0.01, 0.1, rows).astype(np.float32))


@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(0, 7)),
    shape=st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
    zero_point=st.integers(-128, 127),
    seed=st.integers(0, 99),
)
def test_rows_and_their_products(
    sizes: tuple[int, int, int], shape: tuple[int, ...], zero_point: int, seed: int
) -> None:
    vocabulary, width, units = sizes
    rng = np.random.default_rng(seed)
    table = factor(rng, vocabulary, width)
    product = factor(rng, units, width) if units else None
    ids = rng.integers(0, vocabulary, shape)
    exact = np.zeros((*shape, units or width))
    for place in np.ndindex(*shape):
        row = table.values[ids[place]] * float(table.scales[ids[place]])
        for i in range(units or width):
            if product is None:
                exact[(*place, i)] = row[i]
            else:
                exact[(*place, i)] = sum(row * product.values[i]) * float(product.scales[i])
    found = embedding_float(ids, table, product)
    assert found.dtype == np.float32 and found.shape == exact.shape
    # Three float32 roundings.
    np.testing.assert_allclose(found, exact, rtol=4e-7, atol=1e-12)
    levels = embedding_int8(ids, table, product, y_scale=0.25, y_zero_point=zero_point)
    wanted = np.clip(exact / 0.25 + zero_point, -128, 127)
    # Half a level, and what float32 moves at a tie.
    assert np.abs(levels - wanted).max() <= 0.5001


def test_one_scale_for_all_rows() -> None:
    table = factor(np.random.default_rng(0), 5, 3)
    one = QuantizedFactor(table.values, np.float32([0.5]))
    np.testing.assert_array_equal(embedding_float([4, 0], one), table.values[[4, 0]] * 0.5)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_tables_are_packed_in_bytes(bits: int) -> None:
    table = factor(np.random.default_rng(1), 6, 11, bits)
    packed = pack_rows(table.values, bits)
    assert packed.shape == (6, -(-11 * bits // 8)) and packed.dtype == np.int8
    np.testing.assert_array_equal(unpack_rows(packed, bits, 11), table.values)
    np.testing.assert_array_equal(pack_rows(table.values.astype(np.int64), bits), packed)


def test_a_call_multiplies_each_row_with_the_matrix() -> None:
    op = OPS["tfpipeline.embedding"]
    options = EmbeddingOptions(MAX_VOCABULARY, 29, 300, 4, 8)
    assert op.features(options) == 1 and op.matrices(options) == {3: 29 * 300}
    assert op.matrices(EmbeddingOptions(10, 29)) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary": 0}, "vocabulary must lie"),
        ({"vocabulary": MAX_VOCABULARY + 1}, "vocabulary must lie"),
        ({"width": 65537}, "width must lie"),
        ({"units": -1}, "units must lie"),
        ({"table_bits": 3}, "table_bits must be 8, 4 or 2"),
        ({"units": 4, "product_bits": 0}, "product_bits must be 8, 4 or 2"),
    ],
)
def test_options_that_no_op_has(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbeddingOptions(**{"vocabulary": 5, "width": 3, **arguments})
