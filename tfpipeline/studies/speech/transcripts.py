"""What a model hears, and how much of it is wrong."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np

from tfpipeline.decoding import character_error_rate, greedy_decode, word_error_rate
from tfpipeline.studies.speech.corpus import Utterances

_PREDICT_BATCH = 64
_TRAIN_SAMPLE = 320


class ValidationErrors(keras.callbacks.Callback):
    """The character error rate on held-out utterances after every epoch, `val_cer` in the logs.

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
        if logs is not None:
            logs["val_cer"] = self.curve[-1]
        self.seconds += time.monotonic() - started


def transcribe(model: keras.Model, utterances: Utterances) -> list[str]:
    """Return what the model hears, greedily decoded: nothing, where it gives no numbers."""
    texts: list[str] = []
    for start in range(0, len(utterances), _PREDICT_BATCH):
        features = utterances.features[start : start + _PREDICT_BATCH]
        count = len(features)
        # Of one shape always, because a compiler makes a program for each.
        filled = np.zeros((_PREDICT_BATCH, *features.shape[1:]), np.float32)
        filled[:count] = features
        # A model that diverged gets every character wrong, and does not end the study.
        logits = np.nan_to_num(np.asarray(model.predict_on_batch(filled))[:count])
        texts += greedy_decode(logits, utterances.frames[start : start + count])
    return texts


def errors_of(model: keras.Model, corpus: dict[str, Utterances]) -> dict[str, float]:
    """Return `cer_train` (of some utterances), `cer_validation`, `cer_test` and `wer_test`."""
    train, some = corpus["train"], slice(0, _TRAIN_SAMPLE)
    sample = Utterances(train.features[some], train.frames[some], train.texts[some])
    heard = {
        "train": (sample.texts, transcribe(model, sample)),
        "validation": (corpus["validation"].texts, transcribe(model, corpus["validation"])),
        "test": (corpus["test"].texts, transcribe(model, corpus["test"])),
    }
    found = {f"cer_{split}": character_error_rate(*texts) for split, texts in heard.items()}
    return {**found, "wer_test": word_error_rate(*heard["test"])}
