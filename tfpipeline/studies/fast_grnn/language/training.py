"""Trains a language model of the study and measures it."""

from __future__ import annotations

import math
import time
from typing import Any

import keras

from tfpipeline.callbacks import IterativeHardThresholding
from tfpipeline.compress import ledger
from tfpipeline.studies.fast_grnn.language.byte_weights import to_byte_weights
from tfpipeline.studies.fast_grnn.language.data import Batches, read_text
from tfpipeline.studies.fast_grnn.language.models import CLASSIFIER, build
from tfpipeline.studies.fast_grnn.language.runs import LanguageModel, RunFiles
from tfpipeline.studies.fast_grnn.models import LAYER

_CLIP_NORM = 1.0
_LAST_RATE, _WARM_UP = 0.05, 0.05
#: Natural logarithm of the perplexity: without the penalties that are part of the loss.
_NLL = "nll"


def train_run(run: LanguageModel, files: RunFiles) -> dict[str, Any]:
    """Train a run, save its model, and return its measures.

    The weights are those of the epoch with the best perplexity on validation text; of a sparse
    model, of the epochs with fixed support only.

    A row has: the run's fields, `params`, `ledger` (bytes by the paper's formula, without embedding
    and classifier, as it counts language models), `ledger_float` (the same in float32), the
    perplexities `train`, `validation` and `test`, of a model with piecewise-linear gates also
    `test_bytes` (with weights in bytes), `curve` (validation perplexity by epoch) and `minutes`
    of training.
    """
    settings = files.settings
    words, text = read_text(files)
    keras.utils.set_random_seed(run.seed)
    model = build(run, words)
    found = _fit(model, run, text, settings.batch_size, settings.epochs)
    path = files.model(run.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    measured = {split: perplexity(model, part, settings.batch_size) for split, part in text.items()}
    sizes = {
        "params": int(model.count_params()),
        "ledger": ledger(model, exclude=[CLASSIFIER]).bytes,
        "ledger_float": ledger(model, bits=32, exclude=[CLASSIFIER]).bytes,
    }
    if run.piecewise:
        to_byte_weights(model)
        measured["test_bytes"] = perplexity(model, text["test"], settings.batch_size)
    return {**vars(run), **sizes, **measured, **found}


def perplexity(model: keras.Model, text: Batches, batch: int) -> float:
    """Return the perplexity of a compiled model that reads each piece of a text for itself."""
    logs = model.evaluate(*text, batch_size=batch, return_dict=True, verbose=0)
    return math.exp(logs[_NLL])


def _fit(
    model: keras.Model, run: LanguageModel, text: dict[str, Batches], batch: int, epochs: int
) -> dict[str, Any]:
    steps = epochs * len(text["train"][1]) // batch
    model.compile(
        _optimizer(run, steps),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name=_NLL)],
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    started = time.monotonic()
    history = model.fit(
        *text["train"],
        batch_size=batch,
        epochs=epochs,
        validation_data=text["validation"],
        validation_batch_size=batch,
        callbacks=[_best(run, epochs)],
        verbose=0,
    ).history
    return {
        "curve": [math.exp(value) for value in history[f"val_{_NLL}"]],
        "minutes": round((time.monotonic() - started) / 60, 2),
    }


def _optimizer(run: LanguageModel, steps: int) -> keras.optimizers.Optimizer:
    warm_up = math.ceil(_WARM_UP * steps)
    rates = keras.optimizers.schedules.CosineDecay(
        run.rate / 20,
        steps - warm_up,
        alpha=_LAST_RATE,
        warmup_target=run.rate,
        warmup_steps=warm_up,
    )
    if not run.weight_decay:
        return keras.optimizers.Adam(rates, global_clipnorm=_CLIP_NORM)
    decayed = keras.optimizers.AdamW(
        rates, weight_decay=run.weight_decay, global_clipnorm=_CLIP_NORM
    )
    # A logit that decays to 0 makes zeta and nu one half.
    decayed.exclude_from_weight_decay(var_names=["bias", "logit"])
    return decayed


def _best(run: LanguageModel, epochs: int) -> keras.callbacks.Callback:
    """Return what ends with the weights of the best epoch, and makes sparse models sparse."""
    metric = f"val_{_NLL}"
    if run.density < 1:
        kernels = {f"{LAYER}/{name}": run.density for name in ("recurrent_kernel", "kernel")}
        return IterativeHardThresholding(kernels, restore_best=metric, mode="min")
    return keras.callbacks.EarlyStopping(
        metric, mode="min", patience=epochs, restore_best_weights=True
    )
