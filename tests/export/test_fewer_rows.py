"""Rows, ranks and bits in one file: it runs, it verifies, and it is as small as is counted."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.compress import (
    cluster_rows,
    factorize_embedding,
    fold_embedding,
    ledger,
    prune_rows,
)
from tfpipeline.export import export, kept_conversions
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

WORDS, WIDTH, STEPS = 600, 32, 12


def sentences() -> tuple[np.ndarray, np.ndarray]:
    """Ids of words, rare ones among them, and which of four topics they are of."""
    rng = np.random.default_rng(0)
    topics = rng.integers(0, 4, 256)
    own = 2 + topics[:, None] * 40 + np.minimum(rng.geometric(0.1, (256, STEPS)), 39)
    others = rng.integers(170, WORDS, (256, STEPS))
    ids = np.where(rng.random((256, STEPS)) < 0.5, own, others).astype("int32")
    ids[:, 9:] = 0
    return ids, topics


def trained(recurrent: bool, ids: np.ndarray, topics: np.ndarray) -> keras.Model:
    keras.utils.set_random_seed(0)
    words = keras.layers.Embedding(WORDS, WIDTH, mask_zero=not recurrent, name="words")
    x = keras.Input((STEPS,), dtype="int32")
    if recurrent:
        found = keras.layers.LSTM(16, name="recurrent")(words(x))
    else:
        mean = keras.layers.GlobalAveragePooling1D(name="mean")(words(x))
        found = keras.layers.Dense(16, "tanh", name="hidden")(mean)
    model = keras.Model(x, keras.layers.Dense(4, name="scores")(found))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=JIT)
    model.fit(ids, topics, epochs=12, verbose=0)
    return model


@pytest.mark.parametrize("recurrent", [True, False], ids=["lstm", "dan"])
def test_rows_then_ranks_then_bits(recurrent: bool, target: Path) -> None:
    ids, topics = sentences()
    pruned, first = prune_rows(trained(recurrent, ids, topics), ids=ids, coverage=0.95)
    shared, _ = cluster_rows(pruned, clusters=first.rows_after // 2, ids=ids)
    small, _ = factorize_embedding(shared, rank=8)
    small.fit(ids, topics, epochs=4, verbose=0)
    sizes = {}
    for form, model in (("factored", small), ("folded", fold_embedding(small))):
        expected = model.predict(ids, verbose=0)
        with kept_conversions():
            for mode, most in (("int8", 0.1), ("int4", 0.3), ("dynamic", 0.05)):
                report = export(
                    model, target, quantize=mode, calibration=ids[:64], verification=ids[64:128]
                )
                assert report.portable is not None
                found = Interpreter(report.portable).predict(ids)
                assert np.abs(found - expected).max() < most * np.ptp(expected)
                assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9
                sizes[form, mode] = report.form("portable").bytes
                counted = ledger(model, bits=8, formula="acharya", tflite=report.portable)
                stored = {row.name: row.file_bytes for row in counted.rows}
                rows = next(row for row in counted.rows if row.name == "words/row_of")
                assert stored["words/row_of"] == rows.bytes == WORDS * rows.bits // 8
                table = next(name for name in stored if name.startswith("words/embeddings"))
                # A byte a number, or less where a mode has fewer bits.
                assert stored[table] is not None and stored[table] <= rows_bytes(model)
    assert sizes["folded", "dynamic"] < sizes["factored", "dynamic"]


def rows_bytes(model: keras.Model) -> int:
    layer = model.get_layer("words").layer
    rank = layer.output_dim if type(layer) is keras.layers.Embedding else layer.rank
    return int(layer.input_dim * rank)
