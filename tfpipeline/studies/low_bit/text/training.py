"""Trains a model of characters or words and measures it."""

from __future__ import annotations

import math
import os
import time
from typing import Any

import keras

from tfpipeline.compress import ledger
from tfpipeline.recipes.rolling_model import RollingModel
from tfpipeline.studies.low_bit.models import CLASSIFIER, bits_of, callbacks_for
from tfpipeline.studies.low_bit.text.data import Batches, read_text
from tfpipeline.studies.low_bit.text.models import EMBEDDING, build
from tfpipeline.studies.low_bit.text.runs import RunFiles, TextModel

_CLIP_NORM = 5.0
_LAST_RATE = 0.05


def train_run(run: TextModel, files: RunFiles) -> dict[str, Any]:
    """Train a run and return its measures.

    The weights are those of the epoch with the fewest bits per symbol on validation text.

    A row has: the run's fields, `ledger` (bytes of the recurrent layers by the formula of Hou et
    al.), bits per symbol `validation` and `test`, `curve` (those of validation text by epoch),
    `seconds` in `fit`, `cpu_seconds` of the whole run.
    """
    began = sum(os.times()[:2])
    settings = files.settings
    symbols, text = read_text(files)
    keras.utils.set_random_seed(run.seed)
    model = build(run, settings, symbols)
    # A layer with `stateful=True` forgets its states between the batches of `fit` on JAX.
    rolling = RollingModel(model, settings.lanes)
    steps = settings.epochs * len(text["train"][1]) // settings.lanes
    rates = keras.optimizers.schedules.CosineDecay(settings.rate, steps, alpha=_LAST_RATE)
    rolling.compile(
        keras.optimizers.Adam(rates, global_clipnorm=_CLIP_NORM),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    best = keras.callbacks.EarlyStopping(
        "val_loss", mode="min", patience=settings.epochs, restore_best_weights=True
    )
    started = time.monotonic()
    history = rolling.fit(
        *text["train"],
        batch_size=settings.lanes,
        epochs=settings.epochs,
        shuffle=False,  # each lane is read in its order
        validation_data=text["validation"],
        validation_batch_size=settings.lanes,
        callbacks=[*callbacks_for(run.quantizer), best],
        verbose=0,
    ).history
    others = [CLASSIFIER, *([EMBEDDING] if settings.level == "word" else [])]
    size = ledger(model, bits=bits_of(run.quantizer), formula="hou", exclude=others)
    return {
        **vars(run),
        "ledger": size.bytes,
        "curve": [_bits(loss) for loss in history["val_loss"]],
        "seconds": round(time.monotonic() - started, 1),
        **{split: bits_per_symbol(rolling, text[split]) for split in ("validation", "test")},
        "cpu_seconds": round(sum(os.times()[:2]) - began, 1),
    }


def bits_per_symbol(rolling: RollingModel, text: Batches) -> float:
    """Return the bits per symbol of a compiled model that reads each lane from its start."""
    return _bits(rolling.evaluate(*text, batch_size=rolling.lanes, verbose=0))


def _bits(loss: float) -> float:
    return float(loss) / math.log(2)
