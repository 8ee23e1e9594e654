"""Accuracy on clips that follow each other: what a model on a device, which never resets, has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.data.commands.speech_dataset import Split
from tfpipeline.runtime import Streamer

RECORDINGS = 8


def long_recordings(clips: int, seed: int = 0, recordings: int = RECORDINGS) -> np.ndarray:
    """Return which clips follow each other in each recording, int64 `(recordings, clips of one)`.

    In random order, as corpora are sorted by word; the fewest clips that do not fill a row are left
    out.
    """
    rows = min(recordings, clips)
    order = np.random.default_rng(seed).permutation(clips)
    return order[: clips // rows * rows].reshape(rows, -1)


def streamed_scores(model: Any, features: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return what a Keras model says at the end of each clip, with the states of those before it.

    Args:
        model: of `(clips, frames, features)`, with recurrent layers that run forwards.
        features: float32 `(clips, frames, features)`.
        order: of `long_recordings`.

    Returns:
        float32 `(*order.shape, labels)`.
    """
    from tfpipeline.recipes.rolling_model import FEATURES, KEEP, RollingModel

    lanes = len(order)
    rolling = RollingModel(model, lanes)
    found = [
        rolling.predict_on_batch(
            {FEATURES: features[clips], KEEP: np.full(lanes, number > 0, np.float32)}
        )
        for number, clips in enumerate(order.T)
    ]
    return np.stack([np.asarray(scores) for scores in found], axis=1)


def streamed_scores_of_file(path: Path, features: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the same for a streaming `.tflite` file, which is reset with each recording."""
    stream = Streamer(path)
    found = []
    for clips in order:
        stream.reset()
        for clip in clips:
            calls = features[clip].reshape(-1, stream.chunk, features.shape[-1])
            for frames in calls:
                scores = stream.process(frames[0] if stream.chunk == 1 else frames)
            found.append(scores)
    return np.stack(found).reshape(*order.shape, -1)


def streamed_accuracies(
    models: Mapping[str, Any], files: Mapping[str, Path], split: Split, seed: int = 0
) -> dict[str, float]:
    """Return the share of clips with the right label, in long recordings, by name.

    Args:
        models: Keras models.
        files: streaming `.tflite` files.
        split: the clips.
        seed: of their order.
    """
    order = long_recordings(len(split), seed)
    scores = {name: streamed_scores(model, split.features, order) for name, model in models.items()}
    for name, path in files.items():
        scores[name] = streamed_scores_of_file(path, split.features, order)
    labels = split.labels[order]
    return {name: float(np.mean(found.argmax(axis=-1) == labels)) for name, found in scores.items()}
