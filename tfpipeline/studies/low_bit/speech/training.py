"""Trains a recognizer of the study and measures it."""

from __future__ import annotations

import os
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras

from tfpipeline.callbacks import SpectralMonitor
from tfpipeline.compress import ledger
from tfpipeline.studies.low_bit.models import bits_of, callbacks_for
from tfpipeline.studies.low_bit.speech.models import build, recurrent_layers
from tfpipeline.studies.low_bit.speech.runs import Recognizer, RunFiles
from tfpipeline.studies.low_bit.speech.settings import Settings
from tfpipeline.studies.speech.corpus import Utterances, read_corpus
from tfpipeline.studies.speech.training import compile_model, fit, rates
from tfpipeline.studies.speech.transcripts import errors_of


def train_run(run: Recognizer, files: RunFiles) -> dict[str, Any]:
    """Train a run, save its model, and return its measures.

    The weights are those of the epoch with the fewest errors on validation sentences.

    A row has: the run's fields, `params`, `ledger` (bytes of the recurrent layers by the formula of
    Hou et al.), error rates `cer_train`, `cer_validation`, `cer_test` and `wer_test`, `curve`
    (validation CER by epoch), `growth_first` and `growth_last` (by what a step multiplies the
    gradient before training, and after the last epoch, by layer), `seconds` in `fit`, `cpu_seconds`
    of the whole run.
    """
    began = sum(os.times()[:2])
    settings = files.settings
    corpus = _corpus(files.corpus, settings)
    keras.utils.set_random_seed(run.seed)
    model = build(run, settings, corpus["train"].features.shape[-1])
    compile_model(model, rates(corpus, settings, run.rate, settings.epochs, 1))
    layers = [layer.name for layer in recurrent_layers(model)]
    watched = corpus["train"].features[: settings.watched]
    monitor = SpectralMonitor(watched, every=settings.epochs)
    best = keras.callbacks.EarlyStopping(
        "val_cer", mode="min", patience=settings.epochs, restore_best_weights=True
    )
    with warnings.catch_warnings():
        # Gradients explode: the rows say so.
        warnings.simplefilter("ignore", UserWarning)
        curve, seconds = fit(
            model,
            corpus,
            settings,
            0,
            settings.epochs,
            [monitor, *callbacks_for(run.quantizer)],
            [best],
        )
    growth = [[monitor.history[f"{name}/growth"][place] for name in layers] for place in (0, -1)]
    path = files.model(run.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    others = [layer.name for layer in model.layers if layer.name not in layers]
    size = ledger(model, bits=bits_of(run.quantizer), formula="hou", exclude=others)
    return {
        **vars(run),
        "params": model.count_params(),
        "ledger": size.bytes,
        **errors_of(model, corpus),
        "curve": curve,
        "growth_first": growth[0],
        "growth_last": growth[1],
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(os.times()[:2]) - began, 1),
    }


@lru_cache(1)
def _corpus(path: Path, settings: Settings) -> dict[str, Utterances]:
    return read_corpus(path, settings)
