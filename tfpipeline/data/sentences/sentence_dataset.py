"""A corpus of spoken sentences in memory, as features and texts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfpipeline.data.file_note import FileNote
from tfpipeline.features import LogMel


@dataclasses.dataclass(frozen=True)
class SentenceSplit:
    """Training, validation or test data.

    Args:
        features: float32 `(utterances, max_frames, num_mels)`, normalized, with zeros after each
            utterance's end.
        frames: int32 `(utterances,)`, frames of each utterance.
        texts: what is said: letters a to z, apostrophes and single spaces.
        speakers: who says it.
        paths: the recordings, relative to the corpus.
    """

    features: np.ndarray
    frames: np.ndarray
    texts: tuple[str, ...]
    speakers: tuple[str, ...]
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.frames)


@dataclasses.dataclass(frozen=True)
class SentenceDataset:
    """What `load_sentences` returns.

    Args:
        train: training data.
        validation: validation data.
        test: test data.
        log_mel: the front end, with the training data's mean and standard deviation: applied to
            an utterance's audio, it gives the utterance's rows of `features`.
        skipped: recordings, and lines of transcripts, that could not be used.
        converted: recordings that were resampled, mixed down or decoded from another encoding.
        source: the corpus' folder.
    """

    train: SentenceSplit
    validation: SentenceSplit
    test: SentenceSplit
    log_mel: LogMel
    skipped: tuple[FileNote, ...]
    converted: tuple[FileNote, ...]
    source: str

    def summary(self) -> str:
        """Return one line of counts."""
        counts = ", ".join(
            f"{len(split)} {name} ({len(set(split.speakers))} speakers, {self._hours(split):.2f} h)"
            for name, split in (
                ("training", self.train),
                ("validation", self.validation),
                ("test", self.test),
            )
        )
        return (
            f"{self.source}: {counts} sentences; {len(self.skipped)} notes on what was skipped, "
            f"{len(self.converted)} recordings converted."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return counts and notes, without the features, as a dictionary that JSON can hold."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            "source": self.source,
            "sentences": {name: len(split) for name, split in splits.items()},
            "speakers": {name: sorted(set(split.speakers)) for name, split in splits.items()},
            "hours": {name: round(self._hours(split), 4) for name, split in splits.items()},
            "skipped": [str(note) for note in self.skipped],
            "converted": [str(note) for note in self.converted],
        }

    def _hours(self, split: SentenceSplit) -> float:
        config = self.log_mel.config
        return float(split.frames.sum()) * config.hop_samples / config.sample_rate / 3600.0
