"""Trains a model of sentences with CTC."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import keras

from tfpipeline.losses import CTC
from tfpipeline.studies.speech.corpus import Settings, Utterances, packed
from tfpipeline.studies.speech.transcripts import ValidationErrors

_CLIP_NORM = 20.0


class TrainingSettings(Settings, Protocol):
    """Settings whose `last_rate` is the share of the highest learning rate that is left."""

    @property
    def last_rate(self) -> float: ...


def compile_model(
    model: keras.Model, rates: keras.optimizers.schedules.LearningRateSchedule
) -> None:
    """Compile with CTC and Adam, gradients clipped."""
    # TensorFlow takes longer to compile these loops than to run them.
    jit: Any = False if keras.backend.backend() == "tensorflow" else "auto"
    optimizer = keras.optimizers.Adam(rates, global_clipnorm=_CLIP_NORM)
    model.compile(optimizer, CTC(), jit_compile=jit)
    # Variables that come to be in the first step would have TensorFlow trace that step twice.
    optimizer.build(model.trainable_variables)


def rates(
    corpus: dict[str, Utterances],
    settings: TrainingSettings,
    highest: float,
    epochs: int,
    warm_up: int,
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises for `warm_up` epochs and falls along a cosine."""
    steps = len(corpus["train"]) // settings.batch_size
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else highest,
        max(1, (epochs - warm_up) * steps),
        alpha=settings.last_rate,
        warmup_target=highest if warm_up else None,
        warmup_steps=warm_up * steps,
    )


def fit(
    model: keras.Model,
    corpus: dict[str, Utterances],
    settings: TrainingSettings,
    first: int,
    last: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    last_callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[list[float], float]:
    """Train epochs `first` to `last`; return the validation CER of each, and the seconds.

    The CER is `val_cer` in the logs that `last_callbacks` see. It counts the model as `callbacks`
    leave it at the end of an epoch.
    """
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
        callbacks=[*callbacks, errors, *last_callbacks],
    )
    return errors.curve, time.monotonic() - started - errors.seconds
