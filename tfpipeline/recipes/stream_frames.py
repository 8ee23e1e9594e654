"""Recordings as frames with a label each: what a model shall say at every moment of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfpipeline.data.audio.label_track import LabelledInterval
from tfpipeline.data.errors import DataError
from tfpipeline.features import FrontEnd
from tfpipeline.progress import progress
from tfpipeline.recipes.stream_recordings import open_recordings


@dataclass(frozen=True)
class StreamFrames:
    """One recording.

    Args:
        features: float32 `(frames, features)`.
        labels: int32 `(frames,)`, indices into the labels of a model.
        weights: float32 `(frames,)`; 0 where nothing is asked of the model.
    """

    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class FrameLabels:
    """When a model shall say that it has heard a word.

    From the end of a word on, for `hold` seconds, the word is right; everywhere else the
    background is. Nothing is asked while a word is spoken, where some know it sooner, nor for
    `release` seconds after the hold.

    Args:
        labels: of the model.
        background: what is right where no word was; one of `labels`.
        hold, release: seconds.

    Raises:
        ValueError: a background that is no label, or times that are not positive.
    """

    labels: tuple[str, ...]
    background: str = "_unknown_"
    hold: float = 0.3
    release: float = 0.2

    def __post_init__(self) -> None:
        if self.background not in self.labels:
            raise ValueError(
                f"`background` must be one of {', '.join(self.labels)}; received "
                f"{self.background!r}."
            )
        for name in ("hold", "release"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"`{name}` must be positive, in seconds; received {getattr(self, name)!r}."
                )

    def of_frames(
        self, ends: np.ndarray, spoken: Sequence[LabelledInterval]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return labels and weights of frames.

        Args:
            ends: seconds at which each frame ends, `(frames,)`.
            spoken: what is heard; what is no label of the model is background.
        """
        labels = np.full(len(ends), self.labels.index(self.background), np.int32)
        weights = np.ones(len(ends), np.float32)
        words = [one for one in spoken if one.label in self.labels and one.label != self.background]
        for word in words:
            open_ = (ends >= word.start) & (ends < word.end + self.hold + self.release)
            weights[open_] = 0
        # After all of them: the hold of a word counts although the next one begins in it.
        for word in words:
            held = (ends >= word.end) & (ends < word.end + self.hold)
            labels[held] = self.labels.index(word.label)
            weights[held] = 1
        return labels, weights


def read_stream_frames(
    folder: Path, front_end: FrontEnd, frames: FrameLabels
) -> list[StreamFrames]:
    """Read all recordings of a folder as features with a label a frame.

    Args:
        folder: WAV files and label tracks, as `read_recordings` reads them.
        front_end: the model's front end.
        frames: which label a frame has.

    Raises:
        DataError: no folder, no recording, broken labels, none of the model's words, or recordings
            shorter than a frame.
    """
    config = front_end.config
    words = [label for label in frames.labels if label != frames.background]
    recordings = open_recordings(folder, config.sample_rate, words)
    found = []
    with progress("Reading recordings", len(recordings)) as bar:
        for one in recordings:
            stream = front_end.stream()
            features = np.concatenate([stream.process(block) for block in one.audio])
            samples = np.arange(len(features)) * config.hop_samples + config.window_samples
            labels, weights = frames.of_frames(samples / config.sample_rate, one.spoken)
            if len(features):
                found.append(StreamFrames(features, labels, weights))
            bar.advance()
    if not found:
        raise DataError(f"{folder}: its recordings are shorter than a frame; record longer ones.")
    return found
