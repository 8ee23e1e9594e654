"""Trains a run of the studies of FastGRNN and measures it."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from tfpipeline.callbacks import IterativeHardThresholding
from tfpipeline.compress import ledger, truncate
from tfpipeline.data.dataset import Dataset, Samples
from tfpipeline.loading import load_model
from tfpipeline.recipes.augmented_batches import Augmentation, AugmentedBatches
from tfpipeline.studies.fast_grnn.data import data_of
from tfpipeline.studies.fast_grnn.models import LAYER, as_ternary, build
from tfpipeline.studies.fast_grnn.runs import COMMANDS, Cut, RunFiles, Training
from tfpipeline.studies.fast_grnn.settings import Recipe

PREDICT_BATCH = 256
_CLIP_NORM = 1.0
_LAST_RATE = 0.05
_WARM_UP = 0.05
_SECOND_STAGE = 0.25
_SCALARS = ("alpha", "beta", "zeta", "nu")


def train_run(run: Training, files: RunFiles) -> dict[str, Any]:
    """Train a run, save its model, and return its measures.

    The weights are those of the epoch with the best validation accuracy; of a sparse model, of the
    epochs with fixed support only.

    A row has: the run's fields, `params`, `nonzero`, `ledger` (bytes by the paper's formula),
    `ledger_float` (the same in float32), accuracies `validation` and `test`, `curve` (validation
    accuracy by epoch), the trained scalars of the cell, `seconds` in `fit`.
    """
    data = data_of(run, files)
    keras.utils.set_random_seed(run.seed)
    model = build(run, data.train.x.shape[2], len(data.labels))
    found = _fit(model, run, data, run.recipe(files.settings))
    return {**_fields(run), **_save(model, run.name, files), **_measured(model, data), **found}


def cut_run(run: Cut, files: RunFiles) -> dict[str, Any]:
    """Cut the model of a run by its singular values, and train it on; a row as of `train_run`.

    It also has `ranks`, by matrix.
    """
    data = data_of(run.run, files)
    keras.utils.set_random_seed(run.run.seed + 1)
    whole = load_model(files.trained(run.run.name), compile=False)
    model, report = truncate(whole, budget_params=run.params)
    model = as_ternary(model, run.run) if run.ternary else model
    recipe = run.run.recipe(files.settings)
    # The first stage ended at a twentieth of it.
    recipe = replace(recipe, epochs=run.epochs, rate=recipe.rate * _SECOND_STAGE)
    found = _fit(model, run.run, data, recipe)
    return {
        **_fields(run.run),
        **_save(model, run.name, files),
        **_measured(model, data),
        **found,
        "ranks": report.ranks,
    }


def _fit(model: keras.Model, run: Training, data: Dataset, recipe: Recipe) -> dict[str, Any]:
    """Train and return `epochs`, `rate`, `curve` and `seconds`."""
    batches = _batches(run, data, recipe)
    model.compile(
        keras.optimizers.Adam(
            _rates(recipe, len(batches) * recipe.epochs), global_clipnorm=_CLIP_NORM
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # XLA makes TensorFlow's loop no faster on a CPU, and compiling takes as long as an epoch.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    started = time.monotonic()
    history = model.fit(
        batches,
        epochs=recipe.epochs,
        validation_data=(data.validation.x, data.validation.y),
        validation_batch_size=PREDICT_BATCH,
        callbacks=[_thresholding(run) or _best(recipe.epochs)],
        shuffle=False,  # the batches shuffle themselves
        verbose=0,
    ).history
    return {
        "epochs": recipe.epochs,
        "rate": recipe.rate,
        "curve": [float(value) for value in history["val_accuracy"]],
        "seconds": round(time.monotonic() - started, 1),
    }


def _save(model: keras.Model, name: str, files: RunFiles) -> dict[str, int]:
    path = files.model(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return sizes(model)


def _measured(model: keras.Model, data: Dataset) -> dict[str, Any]:
    return {
        "steps": int(data.train.x.shape[1]),
        "validation": accuracy(model, data.validation),
        "test": accuracy(model, data.test),
        **_scalars(model),
    }


def accuracy(model: Any, split: Samples) -> float:
    """Return the share of sequences whose label has the highest score."""
    options = {"batch_size": PREDICT_BATCH, "verbose": 0} if isinstance(model, keras.Model) else {}
    scores = np.asarray(model.predict(split.x, **options))
    return float(np.mean(scores.argmax(axis=-1) == split.y))


def sizes(model: keras.Model) -> dict[str, int]:
    """Return numbers of weights and bytes by the formula of Kusupati et al."""
    weights = [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in model.weights]
    return {
        "params": int(model.count_params()),
        "nonzero": sum(int(np.count_nonzero(weight)) for weight in weights),
        "ledger": ledger(model).bytes,
        "ledger_float": ledger(model, bits=32).bytes,
    }


def _fields(run: Training) -> dict[str, Any]:
    fields = {**vars(run), "options": dict(run.options)}
    return {**fields, "block": None if run.block is None else "x".join(map(str, run.block))}


def _batches(run: Training, data: Dataset, recipe: Recipe) -> AugmentedBatches:
    # Stacked steps and pixels are no frames of mel bands: those clips are only shifted.
    varied = Augmentation() if run.data == COMMANDS and run.stacked == 1 else _still()
    return AugmentedBatches(data.train.x, data.train.y, recipe.batch_size, varied, run.seed)


def _still() -> Augmentation:
    return Augmentation(0.0, 0.0, 0, 0.0, 0, 0)


def _rates(recipe: Recipe, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    warm_up = math.ceil(_WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        recipe.rate / 20,
        steps - warm_up,
        alpha=_LAST_RATE,
        warmup_target=recipe.rate,
        warmup_steps=warm_up,
    )


def _thresholding(run: Training) -> keras.callbacks.Callback | None:
    shares = {"recurrent_kernel": run.recurrent_density, "kernel": run.density}
    sparse = {f"{LAYER}/{name}": share for name, share in shares.items() if share < 1}
    if not sparse:
        return None
    return IterativeHardThresholding(sparse, block=run.block, restore_best="val_accuracy")


def _best(epochs: int) -> keras.callbacks.Callback:
    """Return what never stops, and ends with the weights of the best epoch."""
    return keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=epochs, restore_best_weights=True
    )


def _scalars(model: keras.Model) -> dict[str, Any]:
    """Alpha and beta, or zeta and nu; the mean of a vector."""
    cell = getattr(model.get_layer(LAYER), "cell", None)
    found = {name: getattr(cell, name, None) for name in _SCALARS}
    return {
        name: float(np.mean(keras.ops.convert_to_numpy(value)))
        for name, value in found.items()
        if value is not None
    }
