"""Sizes of compressed embeddings, counted as the paper does and by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfpipeline.compress import (
    cluster_rows,
    factorize_embedding,
    fold_embedding,
    ledger,
    prune_rows,
)
from tfpipeline.compress.size_ledger.parts import Part
from tfpipeline.compress.size_ledger.stored_arrays import stored_arrays

pytestmark = pytest.mark.slow

WORDS, WIDTH, UNITS, CLASSES = 300, 20, 6, 4
REST = UNITS * (WIDTH + 1) + CLASSES * (UNITS + 1)


def model() -> keras.Model:
    words = keras.layers.Embedding(WORDS, WIDTH, name="words")
    layers = [words, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(UNITS)]
    return keras.Sequential(
        [keras.Input((None,), dtype="int32"), *layers, keras.layers.Dense(CLASSES)]
    )


@pytest.mark.parametrize("bits", [2, 4, 8, 16, 32])
def test_every_number_takes_its_bits(bits: int) -> None:
    found = ledger(model(), bits=bits, formula="acharya")
    assert found.bytes == pytest.approx((WORDS * WIDTH + REST) * bits / 8, abs=4)
    assert found.excluded == ()


@pytest.mark.parametrize("bits", [4, 8, 32])
def test_compositions(bits: int) -> None:
    whole = model()
    ids = np.arange(WORDS)
    pruned, _ = prune_rows(whole, ids=ids, keep=120)
    shared, _ = cluster_rows(pruned, clusters=50)
    cut, _ = factorize_embedding(shared, rank=5)
    counted = {
        "pruned": (pruned, 120 * WIDTH + REST),
        "shared": (shared, 50 * WIDTH + REST),
        "cut": (cut, 5 * (50 + WIDTH) + REST),
        "folded": (fold_embedding(cut), 50 * 5 + REST - UNITS * (WIDTH - 5)),
    }
    for name, (one, numbers) in counted.items():
        found = ledger(one, bits=bits, formula="acharya")
        # The map has a byte an id, whatever the width of a number.
        assert found.bytes == pytest.approx(numbers * bits / 8 + WORDS, abs=4), name
        rows = {row.name: row for row in found.rows}
        assert rows["words/row_of"].bits == 8 and rows["words/row_of"].density == 1.0
    # Of the other papers' sizes embeddings are no part, and neither is their map.
    excluded = ("words/row_of", "words/embeddings_left", "words/embeddings_right")
    assert ledger(cut).excluded == excluded


@pytest.mark.parametrize(("reduction", "smaller"), [(0.7, False), (0.76, True), (0.9, True)])
def test_the_break_even_with_eight_bits(reduction: float, smaller: bool) -> None:
    """Condition (8): low rank in float32 is smaller than 8 bits from a reduction of 75 % on."""
    words = keras.layers.Embedding(16185, 300, name="words")
    plain = keras.Sequential([keras.Input((None,), dtype="int32"), words])
    cut, _ = factorize_embedding(plain, reduction=reduction)
    low_rank = ledger(cut, bits=32, formula="acharya").bytes
    assert (low_rank < ledger(plain, bits=8, formula="acharya").bytes) is smaller


class Tensor:
    def __init__(self, name: str, shape: tuple[int, ...], bytes_: int) -> None:
        self.name, self.shape, self.bytes = name, shape, bytes_


def test_a_file_has_what_is_looked_up_as_it_stands() -> None:
    parts = [
        Part("words/row_of", (300,), looked_up=True, bits=16),
        Part("words/embeddings_left", (50, 8), looked_up=True),
        Part("words/embeddings_right", (8, 20)),
    ]
    tensors = [
        Tensor("words/GatherV2/table", (50, 4), 200),
        Tensor("words/Tensordot/weights", (20, 8), 160),
        Tensor("Const_2", (300,), 1200),
        Tensor("Const_3", (300,), 600),
    ]
    held, others = stored_arrays(parts, tensors)
    assert held == {
        "words/row_of": 600,
        "words/embeddings_left": 200,
        "words/embeddings_right": 160,
    }
    assert others == {"Const_2": 1200}
