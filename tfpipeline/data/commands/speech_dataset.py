"""A corpus in memory, as features."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfpipeline.data.file_note import FileNote
from tfpipeline.features import LogMel


@dataclasses.dataclass(frozen=True)
class Split:
    """Training, validation or test data.

    Args:
        features: float32 `(clips, frames, num_mels)`, normalized.
        labels: int32 `(clips,)`, indices into the dataset's `labels`.
        paths: where each clip came from, relative to the corpus; silence names the noise file.
    """

    features: np.ndarray
    labels: np.ndarray
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclasses.dataclass(frozen=True)
class SpeechDataset:
    """What `load_speech_commands` returns.

    Args:
        labels: names of the classes.
        train: training data.
        validation: validation data.
        test: test data.
        log_mel: the front end, with the training data's mean and standard deviation: applied to
            a clip's audio, it gives the clip's row of `features`.
        skipped: files that could not be used.
        converted: files that were resampled, mixed down, cut or decoded from another encoding.
        source: the corpus' folder.
    """

    labels: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    log_mel: LogMel
    skipped: tuple[FileNote, ...]
    converted: tuple[FileNote, ...]
    source: str

    def summary(self) -> str:
        """Return one line of counts."""
        counts = ", ".join(
            f"{len(split)} {name}"
            for name, split in (
                ("training", self.train),
                ("validation", self.validation),
                ("test", self.test),
            )
        )
        return (
            f"{self.source}: {counts} clips of {len(self.labels)} classes; "
            f"{len(self.skipped)} files skipped, {len(self.converted)} converted."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return counts and notes, without the features, as a dictionary that JSON can hold."""
        return {
            "source": self.source,
            "labels": list(self.labels),
            "clips": {
                "train": len(self.train),
                "validation": len(self.validation),
                "test": len(self.test),
            },
            "skipped": [str(note) for note in self.skipped],
            "converted": [str(note) for note in self.converted],
        }
