"""A text model whose table is two factors, as files: before and after folding."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tfpipeline.compress import fold_embedding
from tfpipeline.export import export
from tfpipeline.layers import FactoredEmbedding
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

WORDS, WIDTH, RANK = 200, 32, 4


def test_factors_and_what_they_are_folded_into(target: Path) -> None:
    keras.utils.set_random_seed(0)
    embedding = FactoredEmbedding(
        WORDS, WIDTH, rank=RANK, embeddings_initializer="normal", name="words"
    )
    layers = [embedding, keras.layers.GRU(8), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    embedding.right.assign(10 * embedding.right)
    ids = np.random.default_rng(0).integers(0, WORDS, (24, 12)).astype("int32")
    sizes = []
    for one in (model, fold_embedding(model)):
        report = export(one, target, calibration=ids, verification=ids[:8])
        expected = one.predict(ids, verbose=0)
        for path in (report.portable, report.fused):
            assert path is not None
            found = Interpreter(path).predict(ids)
            assert np.abs(found - expected).max() < 0.05 * np.ptp(expected)
        sizes.append(report.form("portable").bytes)
    assert sizes[1] < sizes[0]
