"""Trains a run of the studies of embeddings and measures it."""

from __future__ import annotations

import os
import time
from typing import Any

import keras
import numpy as np

from tfpipeline.compress import cluster_rows, factorize_embedding, ledger, prune_rows
from tfpipeline.data.dataset import Samples
from tfpipeline.loading import load_model
from tfpipeline.studies.embeddings.data import read_sentences
from tfpipeline.studies.embeddings.models import WORDS, build
from tfpipeline.studies.embeddings.rounding import rounded, stored_bytes
from tfpipeline.studies.embeddings.runs import PRUNE, RANK, RunFiles, Smaller, Training
from tfpipeline.studies.embeddings.schedules import optimizer_of
from tfpipeline.studies.embeddings.sentences import PADDING, UNKNOWN, Sentences
from tfpipeline.studies.embeddings.settings import DEFAULT_SCHEDULE, Settings

_PREDICT_BATCH = 512


def train_run(run: Training, files: RunFiles) -> dict[str, Any]:
    """Train a run, save its model, and return its measures.

    The weights are those with the best validation accuracy of the times that it was taken.

    A row has: the run's fields, accuracies `validation` and `test`, `watched` (pairs of the batches
    so far and the validation accuracy), `losses` (of training, by epoch), `params`, `rounded` (a
    dict for each number of bits, of the whole model and of its table alone: accuracies, bytes
    `stored` with scales, and `ledger` by the formula of Acharya et al.), `seconds` in `fit`, and
    `cpu_seconds` of the whole run.
    """
    began = _cpu_seconds()
    settings, sentences = files.settings, read_sentences(files)
    keras.utils.set_random_seed(run.seed)
    model = build(run, files)
    found = _fit(model, run, run.epochs, run.parts, sentences, settings)
    found |= _measured(model, sentences, settings)
    # Those of `lr` are compared, and nothing starts from them.
    if run.schedule == DEFAULT_SCHEDULE:
        _save(model, files, run.name)
    return {**vars(run), **found, "cpu_seconds": _cpu_seconds() - began}


def shrink_run(run: Smaller, files: RunFiles) -> dict[str, Any]:
    """Make the table of a run's model smaller and train on; a row as of `train_run`.

    The first one of `watched` is the accuracy right after the cut.
    """
    began = _cpu_seconds()
    settings, sentences = files.settings, read_sentences(files)
    keras.utils.set_random_seed(run.run.seed + 1)
    model = load_model(files.trained(run.run.name), compile=False)
    for kind, amount in run.cuts:
        model = _cut(model, kind, amount, sentences, run.run.seed)
    found = _fit(model, run.run, run.epochs, run.parts, sentences, settings)
    found |= _measured(model, sentences, settings)
    _save(model, files, run.name)
    fields = {**vars(run.run), "cuts": [list(cut) for cut in run.cuts], "epochs": run.epochs}
    return {**fields, **found, "cpu_seconds": _cpu_seconds() - began}


def accuracy(model: Any, split: Samples) -> float:
    """Return the share of sentences whose class has the highest score."""
    options = {"batch_size": _PREDICT_BATCH, "verbose": 0} if isinstance(model, keras.Model) else {}
    scores = np.asarray(model.predict(split.x, **options))
    return float(np.mean(scores.argmax(axis=-1) == split.y))


def _cut(
    model: keras.Model, kind: str, amount: float, sentences: Sentences, seed: int
) -> keras.Model:
    if kind == RANK:
        return factorize_embedding(model, reduction=amount)[0]
    layer = model.get_layer(WORDS)
    rows = round(amount * getattr(layer, "layer", layer).input_dim)
    ids = sentences.train.x
    if kind == PRUNE:
        return prune_rows(model, keep=rows, ids=ids, unknown=UNKNOWN, padding=PADDING)[0]
    return cluster_rows(model, clusters=rows, ids=ids, seed=seed, padding=PADDING)[0]


def _fit(
    model: keras.Model,
    run: Training,
    epochs: int,
    parts: int,
    sentences: Sentences,
    settings: Settings,
) -> dict[str, Any]:
    # Whole batches: another size is another program to compile.
    data, size = sentences.train, min(settings.batch_size, len(sentences.train))
    count = len(data) // size // parts
    optimizer, callbacks = optimizer_of(
        run.schedule, run.rate or settings.rate, count * parts, epochs
    )
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # XLA makes TensorFlow's loop no faster on a CPU, and compiling takes as long as an epoch.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    rng = np.random.default_rng(run.seed)
    best = accuracy(model, sentences.validation)
    watched, losses, weights = [(0, best)], [], model.get_weights()
    started = time.monotonic()
    for _ in range(epochs):
        order, lost = rng.permutation(len(data)), []
        for part in range(parts):
            chosen = order[part * count * size : (part + 1) * count * size]
            history = model.fit(
                data.x[chosen],
                data.y[chosen],
                batch_size=size,
                shuffle=False,
                callbacks=callbacks,
                verbose=0,
            ).history
            lost.append(float(history["loss"][0]))
            found = accuracy(model, sentences.validation)
            watched.append((watched[-1][0] + count, found))
            if found > best:
                best, weights = found, model.get_weights()
        losses.append(sum(lost) / parts)
    model.set_weights(weights)
    return {
        "watched": [list(pair) for pair in watched],
        "losses": losses,
        "seconds": round(time.monotonic() - started, 1),
    }


def _measured(model: keras.Model, sentences: Sentences, settings: Settings) -> dict[str, Any]:
    both = {split: accuracy(model, getattr(sentences, split)) for split in ("validation", "test")}
    forms = [{"scope": "all", "bits": 32, **both, **_bytes_of(model, 32, False)}]
    for bits in settings.bits:
        for scope in ("all", "table"):
            with rounded(model, bits, scope == "table"):
                found = {split: accuracy(model, getattr(sentences, split)) for split in both}
            size = _bytes_of(model, bits, scope == "table")
            forms.append({"scope": scope, "bits": bits, **found, **size})
    return {**both, "params": model.count_params(), "rounded": forms}


def _bytes_of(model: keras.Model, bits: int, table_only: bool) -> dict[str, int]:
    counted = ledger(model, bits=bits, formula="acharya").rows
    if table_only:
        wide = ledger(model, bits=32, formula="acharya").rows
        counted = tuple(
            few if "embeddings" in few.name else other
            for few, other in zip(counted, wide, strict=True)
        )
    size = stored_bytes(model, bits, table_only)
    return {"stored": size, "ledger": sum(row.bytes for row in counted)}


def _save(model: keras.Model, files: RunFiles, name: str) -> None:
    path = files.model(name)
    path.parent.mkdir(exist_ok=True)
    model.save(path, include_optimizer=False)


def _cpu_seconds() -> float:
    times = os.times()
    return round(times.user + times.system, 1)
