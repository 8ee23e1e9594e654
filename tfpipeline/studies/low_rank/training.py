"""Trains a run and measures it; the only module of the low-rank studies that needs Keras."""

from __future__ import annotations

import dataclasses
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras

from tfpipeline.callbacks import GradualPruning, RankMonitor, percentiles
from tfpipeline.callbacks.weight_masks import is_kernel
from tfpipeline.compress import factorize, truncate
from tfpipeline.decoding import Alphabet
from tfpipeline.loading import load_model
from tfpipeline.models import ds2
from tfpipeline.regularizers import kernel_regularizers
from tfpipeline.studies.low_rank.runs import RunFiles, Stage1, Stage2, Trained, TwoStages
from tfpipeline.studies.low_rank.settings import Settings
from tfpipeline.studies.speech.corpus import Utterances, read_corpus
from tfpipeline.studies.speech.training import compile_model, fit, rates
from tfpipeline.studies.speech.transcripts import errors_of

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
        **errors_of(model, corpus),
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
    compile_model(model, rates(corpus, settings, settings.rate, settings.epochs, 1))
    callbacks: list[keras.callbacks.Callback] = []
    if run.sparsity is not None:
        callbacks.append(_pruning(run, files, len(corpus["train"]) // settings.batch_size))
    return model, *fit(model, corpus, settings, 0, settings.epochs, callbacks)


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
    compile_model(model, rates(corpus, settings, first, epochs, 0))
    return model, *fit(model, corpus, settings, 0, epochs)


def _two_stages(
    run: TwoStages, files: RunFiles, corpus: dict[str, Utterances]
) -> tuple[keras.Model, list[float], float]:
    """One schedule through both stages, as the paper's study of the transition."""
    settings = files.settings
    keras.utils.set_random_seed(run.stage1.seed)
    model = build(run.stage1, settings, corpus["train"].features.shape[-1])
    budget = _parameters(run.budget, settings, corpus["train"].features.shape[-1])
    compile_model(model, rates(corpus, settings, settings.rate, run.epochs, 1))
    curve, seconds = fit(model, corpus, settings, 0, run.transition)
    small, _ = truncate(factored(model), budget_params=budget)
    rest, more = fit(small, corpus, settings, run.transition, run.epochs)
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
