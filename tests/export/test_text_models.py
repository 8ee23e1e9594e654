"""Every model of text as int8 files, compared with the Keras model that was trained with masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.export import export
from tfpipeline.models import text
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.long

WORDS, CLASSES, LENGTH = 60, 3, 8
TINY = text.TextPreset(width=16, units=12, dense=(16,), dropout=0.0, l2=0.0)
RECURRENT = ("lstm", "gru", "fast_grnn", "qrnn")


def train(model: keras.Model, x: np.ndarray, y: np.ndarray, **options: Any) -> None:
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    model.fit(x, y, epochs=3, batch_size=40, verbose=0, **options)


def padded_texts(count: int = 240) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, count)
    own = 1 + y[:, None] * 19 + rng.integers(0, 19, (count, LENGTH))
    kept = np.arange(LENGTH) < rng.integers(1, LENGTH + 1, count)[:, None]
    return np.where(kept, own, 0).astype("int32"), y


def files_of(report: Any, fused: bool) -> list[Path]:
    assert (report.fused is not None) == fused
    return [report.portable, report.fused] if fused else [report.portable]


def close(found: np.ndarray, expected: np.ndarray) -> None:
    # int8: export itself bounds the relative error of a channel by 0.3, of all by 0.15.
    assert np.abs(found - expected).max() < 0.15 * np.ptp(expected)
    assert np.mean(found.argmax(-1) == expected.argmax(-1)) > 0.9


@pytest.mark.parametrize("name", RECURRENT)
def test_a_length_does_on_the_device_what_a_mask_does_in_training(name: str, target: Path) -> None:
    x, y = padded_texts()
    model = getattr(text, name)(WORDS, CLASSES, TINY, rank=4 if name == "gru" else None)
    train(model, x, y)
    report = export(
        text.without_masks(model), target, quantize="int8", calibration=x, length="bounded"
    )
    expected = model.predict(x[:40], verbose=0)
    for path in files_of(report, fused=True):
        file = Interpreter(path)
        found = [file.predict(row[None, : max(1, int((row > 0).sum()))])[0] for row in x[:40]]
        close(np.stack(found), expected)


def test_an_average_keeps_its_mask(target: Path) -> None:
    x, y = padded_texts()
    model = text.dan(WORDS, CLASSES, TINY)
    train(model, x, y)
    report = export(model, target, quantize="int8", calibration=x)
    rows = np.concatenate([x[:40], np.zeros((1, LENGTH), "int32")])
    for path in files_of(report, fused=True):
        file = Interpreter(path)
        found = np.concatenate([file.predict(row[None]) for row in rows])
        # The last one is empty.
        close(found, model.predict(rows, verbose=0))


def test_a_tagger(target: Path) -> None:
    x, _ = padded_texts()
    y = np.maximum(x - 1, 0) // 20
    model = text.tagger(WORDS, CLASSES, TINY)
    train(model, x, y, sample_weight=(x > 0).astype("float32"))
    report = export(model, target, quantize="int8", calibration=x)
    for path in files_of(report, fused=True):
        close(Interpreter(path).predict(x[:40]), model.predict(x[:40], verbose=0))


def test_an_encoder_decoder(target: Path) -> None:
    x = np.random.default_rng(0).integers(1, 4, (240, LENGTH)).astype("int32")
    model = text.encoder_decoder(WORDS, 4, 3, TINY)
    train(model, x, x[:, -3:])
    report = export(model, target, quantize="int8", calibration=x)
    for path in files_of(report, fused=True):
        close(Interpreter(path).predict(x[:40]), model.predict(x[:40], verbose=0))
