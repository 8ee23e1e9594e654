"""Reads the recordings of sentences into features of different lengths."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tfpipeline.data.audio.sound_file import open_sound
from tfpipeline.data.errors import AudioError
from tfpipeline.data.file_note import FileNote
from tfpipeline.data.sentences.layout import Utterance
from tfpipeline.features import LogMel
from tfpipeline.progress import ProgressBar

# Recordings handled at once by a worker.
_BATCH = 8


@dataclasses.dataclass(frozen=True)
class _Done:
    """What became of a batch of recordings."""

    features: list[tuple[Utterance, np.ndarray]]
    skipped: list[FileNote]
    converted: list[FileNote]


class SentenceReader:
    """Reads a corpus' recordings into features that are not normalized, and keeps notes.

    Args:
        root: the corpus' folder.
        log_mel: the front end.
        max_seconds: longer recordings are skipped; None for no limit.
        workers: threads that read.
    """

    def __init__(
        self, root: Path, log_mel: LogMel, max_seconds: float | None, workers: int
    ) -> None:
        self.root = root
        self.log_mel = log_mel
        self.max_seconds = max_seconds
        self.workers = workers
        self.skipped: list[FileNote] = []
        self.converted: list[FileNote] = []

    def read(
        self, plan: Sequence[Utterance], bar: ProgressBar
    ) -> list[tuple[Utterance, np.ndarray]]:
        """Read `plan`, without those that cannot be used, as features `(frames, num_mels)`."""
        batches = [plan[i : i + _BATCH] for i in range(0, len(plan), _BATCH)]
        found: list[tuple[Utterance, np.ndarray]] = []
        pool = ThreadPoolExecutor(self.workers)
        try:
            for batch, done in zip(batches, pool.map(self._batch, batches), strict=True):
                bar.advance(len(batch))
                found += done.features
                self.skipped += done.skipped
                self.converted += done.converted
        finally:
            # Ctrl-C does not wait for the batches that have not begun.
            pool.shutdown(wait=True, cancel_futures=True)
        return found

    def _batch(self, batch: Sequence[Utterance]) -> _Done:
        done = _Done([], [], [])
        for utterance in batch:
            features = self._features(utterance, done)
            if features is not None:
                done.features.append((utterance, features))
        return done

    def _features(self, utterance: Utterance, done: _Done) -> np.ndarray | None:
        """Features of a recording; None, and a note, when it cannot be used."""
        file = self.root / utterance.path
        config = self.log_mel.config
        try:
            audio = open_sound(file, config.sample_rate)
        except AudioError as error:
            reason = str(error).removeprefix(f"{file}: ")
            done.skipped.append(FileNote(utterance.path, reason))
            return None
        seconds = len(audio.samples) / config.sample_rate
        if self.max_seconds is not None and seconds > self.max_seconds:
            reason = f"lasts {seconds:.1f} s, longer than max_seconds={self.max_seconds:g}."
            done.skipped.append(FileNote(utterance.path, reason))
            return None
        frames = config.num_frames(len(audio.samples))
        # A frame can end at most one letter, so such a text cannot be this recording's.
        if frames < max(1, len(utterance.text)):
            reason = (
                f"has {frames} frames ({seconds:.2f} s), too short for the "
                f"{len(utterance.text)} letters of its text."
            )
            done.skipped.append(FileNote(utterance.path, reason))
            return None
        if audio.conversions:
            reason = f"converted from {', '.join(audio.conversions)}."
            done.converted.append(FileNote(utterance.path, reason))
        return self.log_mel(audio.samples)
