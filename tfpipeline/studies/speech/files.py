"""What exported files of a model of sentences are made with, and what they mishear."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.decoding import character_error_rate, greedy_decode
from tfpipeline.runtime import Interpreter
from tfpipeline.studies.speech.corpus import Utterances


def speech_of(utterances: Utterances, count: int) -> np.ndarray:
    """Return sequences without padding: there the model was never trained to say anything."""
    chosen = range(0, len(utterances), max(1, len(utterances) // (2 * count)))
    # Two input strides of two make an output frame.
    pieces = [utterances.features[i, : 4 * utterances.frames[i]] for i in chosen]
    frames = utterances.features.shape[1]
    stream = np.concatenate(pieces)
    rows = min(count, len(stream) // frames)
    return stream[: rows * frames].reshape(rows, frames, -1)


def error_of(model: Any, utterances: Utterances) -> float:
    """Return the character error rate of an `Interpreter`, or of a model of Keras."""
    options = {} if isinstance(model, Interpreter) else {"batch_size": 64, "verbose": 0}
    logits = np.asarray(model.predict(utterances.features, **options))
    return character_error_rate(utterances.texts, greedy_decode(logits, utterances.frames))
