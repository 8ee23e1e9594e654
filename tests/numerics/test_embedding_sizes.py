"""Numbers, bytes and products of tables of embeddings, as the paper counts them."""

from __future__ import annotations

import pytest

from tfpipeline.numerics.embedding_sizes import EmbeddingSizes


@pytest.mark.parametrize(
    ("reduction", "rank", "ratio"), [(0.9, 29, 0.0984), (0.75, 73, 0.2478), (0.5, 147, 0.4991)]
)
def test_rank_and_operations_of_the_published_table(
    reduction: float, rank: int, ratio: float
) -> None:
    sizes = EmbeddingSizes(16185, 300, reduction, 8)
    assert sizes.rank == rank
    table, factors = sizes.one_hot_operations
    assert factors / table == pytest.approx(ratio, abs=5e-5)
    assert sizes.looked_up_operations == (0, (2 * rank - 1) * 300)
    assert sizes.low_rank_bytes == 4 * rank * 16485 <= (1 - reduction) * sizes.table_bytes
    assert sizes.quantized_bytes == 16185 * 300
    assert sizes.both_bytes == rank * 16485


@pytest.mark.parametrize(("bits", "reduction"), [(16, 0.5), (8, 0.75)])
def test_the_break_evens(bits: int, reduction: float) -> None:
    assert not EmbeddingSizes(16185, 300, reduction, bits).smaller_than_quantized
    assert EmbeddingSizes(16185, 300, reduction + 0.01, bits).smaller_than_quantized
    sizes = EmbeddingSizes(16185, 300, reduction, bits)
    assert sizes.faster_than_quantized(1 - reduction + 0.01)
    assert not sizes.faster_than_quantized(1 - reduction)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 300, 0.5, 8), "vocabulary must be at least 1; received 0"),
        ((300, -1, 0.5, 8), "dimension must be at least 1; received -1"),
        ((300, 30, 1.0, 8), r"reduction must lie in \[0, 1\); received 1"),
        ((300, 30, 0.5, 33), r"bits must lie in \[1, 32\]; received 33"),
        ((10, 3, 0.9, 8), "reduction must be at most 0.5667 for a table of 10 x 3"),
    ],
)
def test_what_does_not_fit(arguments: tuple[int, int, float, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbeddingSizes(*arguments)
