"""Trains a run and measures it; the only module of the low-rank studies that needs Keras."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfpipeline.callbacks import GradualPruning, RankMonitor, percentiles
from tfpipeline.callbacks.weight_masks import is_kernel
from tfpipeline.compress import factorize, truncate
from tfpipeline.decoding import Alphabet, character_error_rate, greedy_decode, word_error_rate
from tfpipeline.loading import load_model
from tfpipeline.losses import CTC
from tfpipeline.models import ds2
from tfpipeline.regularizers import kernel_regularizers
from tfpipeline.studies.low_rank.corpus import Utterances, packed, read_corpus
from tfpipeline.studies.low_rank.runs import RunFiles, Stage1, Stage2, Trained, TwoStages
from tfpipeline.studies.low_rank.settings import Settings

_PREDICT_BATCH = 64
_TRAIN_SAMPLE = 320
_CLIP_NORM = 20.0
_COMPRESSED = ("gru_", "dense")


def train_run(run: Trained, files: RunFiles) -> dict[str, Any]:
    """Train a run, save its model, and return its measures.

    A row has: its fields, `params`, error rates `cer_train`, `cer_validation`, `cer_test` and
    `wer_test`, `curve` (validation CER by epoch), `nu` and `rank` (at 90 %) by matrix,
    `kernel_params` (numbers in the kernels that are compressed), `zeros` (their share of those),
    `seconds` (spent in `fit`) and `all_seconds`.
    """
    started = time.monotonic()
    corpus = _corpus(files.corpus, files.settings)
    if isinstance(run, Stage1):
        model, curve, seconds = _stage1(run, files, corpus)
        fields = dataclasses.asdict(run)
    elif isinstance(run, Stage2):
        model, curve, seconds = _stage2(run, files, corpus)
        fields = dataclasses.asdict(run.stage1)
        fields |= {"explained_variance": run.explained_variance, "budget": run.budget}
    else:
        model, curve, seconds = _two_stages(run, files, corpus)
        fields = {**dataclasses.asdict(run.stage1), "epochs": run.epochs}
        fields |= {"transition": run.transition, "budget": run.budget}
    path = files.model(run.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return {
        **fields,
        "params": model.count_params(),
        **_errors(model, corpus),
        **_ranks(model),
        **_kernels(model),
        "curve": curve,
        "seconds": round(seconds, 1),
        "all_seconds": round(time.monotonic() - started, 1),
    }


@lru_cache(1)
def _corpus(path: Path, settings: Settings) -> dict[str, Utterances]:
    return read_corpus(path, settings)


def build(run: Stage1, settings: Settings, bands: int) -> keras.Model:
    """Return the model of a first stage, before training."""
    units = settings.units
    if run.uniform:
        units = (round(sum(units) / len(units)),) * len(units)
    factored = run.kind == "trace_norm"
    return ds2(
        num_symbols=len(Alphabet()),
        num_features=bands,
        units=[max(1, round(run.width * width)) for width in units],
        dense=max(1, round(run.width * settings.dense)),
        filters=settings.filters,
        kernels=settings.kernels,
        fast=True,
        factored=factored,
        joint=run.joint,
        regularizers=kernel_regularizers(
            None if run.kind == "none" else run.kind, run.nonrec, run.rec
        ),
        memory_frames=settings.memory_frames,
        seed=run.seed,
    )


def _stage1(
    run: Stage1, files: RunFiles, corpus: dict[str, Utterances]
) -> tuple[keras.Model, list[float], float]:
    settings = files.settings
    keras.utils.set_random_seed(run.seed)
    model = build(run, settings, corpus["train"].features.shape[-1])
    _compile(model, _rates(corpus, settings, settings.rate, settings.epochs, 1))
    callbacks: list[keras.callbacks.Callback] = []
    if run.sparsity is not None:
        callbacks.append(_pruning(run, files, len(corpus["train"]) // settings.batch_size))
    return model, *_fit(model, corpus, settings, 0, settings.epochs, callbacks)


def _pruning(run: Stage1, files: RunFiles, steps: int) -> keras.callbacks.Callback:
    """Return the schedule of Narang et al.: from the second epoch to half of the epochs.

    Its threshold ends where a dense model's percentile of |w| stands for the wished sparsity.
    """
    assert run.sparsity is not None
    epochs = files.settings.epochs
    dense = load_model(files.trained(dataclasses.replace(run, sparsity=None).name), compile=False)
    return GradualPruning(
        percentiles(dense, 100 * run.sparsity),
        start=steps,
        ramp=max(2, epochs // 4) * steps,
        end=max(3, epochs // 2) * steps,
        freq=max(1, steps // 4),
        select=_is_compressed,
    )


def _is_compressed(variable: Any) -> bool:
    layer = variable.path.split("/")[-3 if "cell" in variable.path else -2]
    return is_kernel(variable) and layer.startswith(_COMPRESSED)


def _stage2(
    run: Stage2, files: RunFiles, corpus: dict[str, Utterances]
) -> tuple[keras.Model, list[float], float]:
    """Start at three times the last rate of stage 1, as the paper's trade-off study."""
    settings = files.settings
    keras.utils.set_random_seed(run.stage1.seed + 1)
    trained = load_model(files.trained(run.stage1.name), compile=False)
    whole = factored(trained)
    if run.budget is None:
        model, _ = truncate(whole, explained_variance=run.explained_variance)
    else:
        bands = corpus["train"].features.shape[-1]
        model, _ = truncate(whole, budget_params=_parameters(run.budget, settings, bands))
    first = 3 * settings.rate * settings.last_rate
    epochs = settings.stage2_epochs
    _compile(model, _rates(corpus, settings, first, epochs, 0))
    return model, *_fit(model, corpus, settings, 0, epochs)


def _two_stages(
    run: TwoStages, files: RunFiles, corpus: dict[str, Utterances]
) -> tuple[keras.Model, list[float], float]:
    """One schedule through both stages, as the paper's study of the transition."""
    settings = files.settings
    keras.utils.set_random_seed(run.stage1.seed)
    model = build(run.stage1, settings, corpus["train"].features.shape[-1])
    budget = _parameters(run.budget, settings, corpus["train"].features.shape[-1])
    _compile(model, _rates(corpus, settings, settings.rate, run.epochs, 1))
    curve, seconds = _fit(model, corpus, settings, 0, run.transition)
    small, _ = truncate(factored(model), budget_params=budget)
    rest, more = _fit(small, corpus, settings, run.transition, run.epochs)
    return small, [*curve, *rest], seconds + more


def _parameters(share: float, settings: Settings, bands: int) -> int:
    """Return a share of the plain model's parameters."""
    return round(share * build(Stage1(0), settings, bands).count_params())


def factored(model: keras.Model) -> keras.Model:
    """Return the model with factored recurrent and dense layers, as stage 2 begins with."""
    plain = [
        layer.name
        for layer in model.layers
        if layer.name.startswith(_COMPRESSED) and type(layer).__module__.startswith("keras.")
    ]
    return factorize(model, layers=plain) if plain else model


def _compile(model: keras.Model, rates: keras.optimizers.schedules.LearningRateSchedule) -> None:
    # TensorFlow takes longer to compile these loops than to run them.
    jit: Any = False if keras.backend.backend() == "tensorflow" else "auto"
    optimizer = keras.optimizers.Adam(rates, global_clipnorm=_CLIP_NORM)
    model.compile(optimizer, CTC(), jit_compile=jit)
    # Variables that come to be in the first step would have TensorFlow trace that step twice.
    optimizer.build(model.trainable_variables)


def _rates(
    corpus: dict[str, Utterances], settings: Settings, highest: float, epochs: int, warm_up: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up to `highest` in `warm_up` epochs, then down along a cosine to `last_rate` of it."""
    steps = len(corpus["train"]) // settings.batch_size
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else highest,
        max(1, (epochs - warm_up) * steps),
        alpha=settings.last_rate,
        warmup_target=highest if warm_up else None,
        warmup_steps=warm_up * steps,
    )


def _fit(
    model: keras.Model,
    corpus: dict[str, Utterances],
    settings: Settings,
    first: int,
    last: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[list[float], float]:
    """Train epochs `first` to `last`; the validation CER of each, and the seconds."""
    train = corpus["train"]
    errors = ValidationErrors(corpus["validation"])
    started = time.monotonic()
    model.fit(
        train.features,
        packed(train),
        batch_size=settings.batch_size,
        initial_epoch=first,
        epochs=last,
        verbose=0,
        callbacks=[*callbacks, errors],
    )
    return errors.curve, time.monotonic() - started - errors.seconds


class ValidationErrors(keras.callbacks.Callback):
    """The character error rate on held-out utterances after every epoch.

    Args:
        utterances: to measure with.

    Attributes:
        curve: a rate for each epoch.
        seconds: that measuring took.
    """

    def __init__(self, utterances: Utterances) -> None:
        super().__init__()
        self.utterances = utterances
        self.curve: list[float] = []
        self.seconds = 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        started = time.monotonic()
        texts = transcribe(self.model, self.utterances)
        self.curve.append(character_error_rate(self.utterances.texts, texts))
        self.seconds += time.monotonic() - started


def transcribe(model: keras.Model, utterances: Utterances) -> list[str]:
    """Return what the model hears, greedily decoded."""
    texts: list[str] = []
    for start in range(0, len(utterances), _PREDICT_BATCH):
        features = utterances.features[start : start + _PREDICT_BATCH]
        count = len(features)
        # Of one shape always, because a compiler makes a program for each.
        filled = np.zeros((_PREDICT_BATCH, *features.shape[1:]), np.float32)
        filled[:count] = features
        logits = np.asarray(model.predict_on_batch(filled))[:count]
        texts += greedy_decode(logits, utterances.frames[start : start + count])
    return texts


def _errors(model: keras.Model, corpus: dict[str, Utterances]) -> dict[str, float]:
    train, some = corpus["train"], slice(0, _TRAIN_SAMPLE)
    sample = Utterances(train.features[some], train.frames[some], train.texts[some])
    heard = {
        "train": (sample.texts, transcribe(model, sample)),
        "validation": (corpus["validation"].texts, transcribe(model, corpus["validation"])),
        "test": (corpus["test"].texts, transcribe(model, corpus["test"])),
    }
    found = {f"cer_{split}": character_error_rate(*texts) for split, texts in heard.items()}
    return {**found, "wer_test": word_error_rate(*heard["test"])}


def _ranks(model: keras.Model) -> dict[str, dict[str, float]]:
    """Return nu and rank@90 % of every matrix that is compressed."""
    monitor = RankMonitor(tau=0.9)
    monitor.set_model(factored(model))
    found: dict[str, dict[str, float]] = {"nu": {}, "rank": {}}
    for name, value in monitor.measure().items():
        matrix, _, measure = name.rpartition("/")
        if measure == "nu":
            found["nu"][matrix] = value
        elif measure.startswith("rank"):
            found["rank"][matrix] = value
    return found


def _kernels(model: keras.Model) -> dict[str, float]:
    kernels = [keras.ops.convert_to_numpy(v) for v in model.variables if _is_compressed(v)]
    size = sum(kernel.size for kernel in kernels)
    return {
        "kernel_params": size,
        "zeros": sum(int((kernel == 0).sum()) for kernel in kernels) / size,
    }
