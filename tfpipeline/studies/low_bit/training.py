"""Trains a run of the studies of few bits on pixels and measures it."""

from __future__ import annotations

import os
import time
import warnings
from typing import Any

import keras
import numpy as np

from tfpipeline.callbacks import SpectralMonitor
from tfpipeline.compress import ledger
from tfpipeline.data.dataset import Dataset, Samples
from tfpipeline.studies.low_bit.batch_mismatch import batch_mismatch
from tfpipeline.studies.low_bit.data import read_pixels
from tfpipeline.studies.low_bit.models import CLASSIFIER, LAYER, bits_of, build, callbacks_for
from tfpipeline.studies.low_bit.runs import RunFiles, Training
from tfpipeline.studies.low_bit.settings import Settings

_PREDICT_BATCH = 512
_CLIP_NORM = 1.0
_LAST_RATE = 0.05


def train_run(run: Training, files: RunFiles) -> dict[str, Any]:
    """Train a run and return its measures.

    The weights are those of the epoch with the best validation accuracy.

    A row has: the run's fields, `ledger` (bytes of the recurrent layer by the formula of Hou et
    al.), accuracies `validation` and `test`, `curve` (validation accuracy by epoch), `growth_first`
    and `growth_last` (by what a step multiplies the gradient before training, and after the last
    epoch), `jacobians_first` and `jacobians_last` (norms by time step), `seconds` in `fit`,
    `cpu_seconds` of the whole run; with shared batch statistics also what `batch_mismatch` returns.
    """
    began = _cpu_seconds()
    data = read_pixels(files, run.order, run.border)
    keras.utils.set_random_seed(run.seed)
    settings = files.settings
    with warnings.catch_warnings():
        # Gradients explode, and one feature stays in full precision: the rows say so.
        warnings.simplefilter("ignore", UserWarning)
        model = build(run, settings.units, data.train.x.shape[1:], len(data.labels))
        found = _fit(model, run, data, settings)
        found["validation"] = accuracy(model, data.validation)
        found["test"] = accuracy(model, data.test)
    size = ledger(model, bits=bits_of(run.quantizer), formula="hou", exclude=[CLASSIFIER])
    if run.normalization == "batch_shared":
        found |= batch_mismatch(model, data.test)
    spent = round(_cpu_seconds() - began, 1)
    return {**vars(run), "ledger": size.bytes, **found, "cpu_seconds": spent}


def accuracy(model: keras.Model, split: Samples) -> float:
    """Return the share of pictures whose label has the highest score."""
    scores = np.asarray(model.predict(split.x, batch_size=_PREDICT_BATCH, verbose=0))
    return float(np.mean(scores.argmax(axis=-1) == split.y))


def _fit(model: keras.Model, run: Training, data: Dataset, settings: Settings) -> dict[str, Any]:
    # Whole batches: another size is another program to compile.
    size = min(settings.batch_size, len(data.train))
    count = len(data.train) // size
    rates = keras.optimizers.schedules.CosineDecay(
        settings.rate, count * settings.epochs, alpha=_LAST_RATE
    )
    model.compile(
        keras.optimizers.Adam(rates, global_clipnorm=_CLIP_NORM),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # XLA makes TensorFlow's loop no faster on a CPU, and compiling takes as long as an epoch.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    # It does not know a cell whose state is normalized.
    monitor = None
    if not run.normalize_cell:
        monitor = SpectralMonitor(data.train.x[: settings.watched], every=settings.epochs)
    best = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=settings.epochs, restore_best_weights=True
    )
    watching = [monitor] if monitor else []
    started = time.monotonic()
    history = model.fit(
        data.train.x[: count * size],
        data.train.y[: count * size],
        batch_size=size,
        epochs=settings.epochs,
        validation_data=(data.validation.x, data.validation.y),
        validation_batch_size=_PREDICT_BATCH,
        callbacks=[*watching, *callbacks_for(run.quantizer), best],
        verbose=0,
    ).history
    seconds = round(time.monotonic() - started, 1)
    curve = [float(value) for value in history["val_accuracy"]]
    return {"curve": curve, "seconds": seconds, **_gradients(monitor)}


def _gradients(monitor: SpectralMonitor | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, when in ((0, "first"), (-1, "last")):
        norms = None if monitor is None else monitor.jacobians[LAYER][place]
        found[f"growth_{when}"] = monitor and monitor.history[f"{LAYER}/growth"][place]
        found[f"jacobians_{when}"] = norms if norms is None else [float(f"{n:.4g}") for n in norms]
    return found


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system
