"""Reads clips and silence of a corpus."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tfpipeline.data.audio.wav import open_wav
from tfpipeline.data.commands.speech_dataset import Split
from tfpipeline.data.commands.word_folders import NOISE_FOLDER, audio_files, is_wav
from tfpipeline.data.errors import AudioError
from tfpipeline.data.file_note import FileNote
from tfpipeline.data.splits import noise_part
from tfpipeline.features import LogMel
from tfpipeline.progress import ProgressBar

# Files handled at once by a worker.
_BATCH = 32
# Silence is noise at any level from almost nothing to as loud as the file, and every tenth time
# digital silence with one bit of dither, which a muted microphone gives.
_QUIETEST_DB = -40.0
_DIGITAL_SILENCE = 0.1
_DITHER = 1.0 / 32768.0


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Features of a batch of files, without those that could not be used."""

    files: list[str]
    labels: list[int]
    features: np.ndarray
    skipped: list[FileNote]
    converted: list[FileNote]


class ClipReader:
    """Reads a corpus' files into features that are not normalized, and keeps notes.

    Args:
        root: the corpus' folder.
        log_mel: the front end; a clip is one second at its sample rate.
        workers: threads that read.
    """

    def __init__(self, root: Path, log_mel: LogMel, workers: int) -> None:
        self.root = root
        self.log_mel = log_mel
        self.workers = workers
        self.skipped: list[FileNote] = []
        self.converted: list[FileNote] = []

    def read(self, plan: list[tuple[str, int]], bar: ProgressBar) -> Split:
        """Read the (file, label) pairs of `plan`, without those that cannot be used."""
        batches = [plan[i : i + _BATCH] for i in range(0, len(plan), _BATCH)]
        done: list[_Rows] = []
        pool = ThreadPoolExecutor(self.workers)
        try:
            for batch, rows in zip(batches, pool.map(self._rows, batches), strict=True):
                bar.advance(len(batch))
                self.skipped += rows.skipped
                self.converted += rows.converted
                done.append(rows)
        finally:
            # Ctrl-C does not wait for the batches that have not begun.
            pool.shutdown(wait=True, cancel_futures=True)
        return Split(
            np.concatenate([rows.features for rows in done]),
            np.asarray([label for rows in done for label in rows.labels], np.int32),
            tuple(file for rows in done for file in rows.files),
        )

    def noises(self) -> dict[str, np.ndarray]:
        """Read the background noises that are at least a second long in every split's part."""
        noises: dict[str, np.ndarray] = {}
        if not (self.root / NOISE_FOLDER).is_dir():
            return noises
        for file in audio_files(self.root, NOISE_FOLDER, self.skipped):
            audio = self._open(file, self.skipped, self.converted)
            if audio is None:
                continue
            first, last = noise_part("test", len(audio))
            if last - first < self.log_mel.config.sample_rate:
                self.skipped.append(FileNote(file, "shorter than 10 s, too short for noise."))
            else:
                noises[file] = audio
        return noises

    def silence(
        self,
        noises: dict[str, np.ndarray],
        split: str,
        count: int,
        rng: np.random.Generator,
    ) -> Split:
        """Make `count` clips of silence, labelled 0, from the split's part of the noises."""
        second = self.log_mel.config.sample_rate
        clips = np.empty((count, second), np.float32)
        names = list(noises)
        files = []
        for clip in clips:
            gain = 10.0 ** (rng.uniform(_QUIETEST_DB, 0.0) / 20.0)
            if not names or rng.random() < _DIGITAL_SILENCE:
                # A corpus without noises has quiet white noise for silence.
                scale = _DITHER if names else 0.05 * gain
                clip[:] = rng.normal(0.0, scale, second)
                files.append(NOISE_FOLDER)
                continue
            name = names[rng.integers(len(names))]
            first, last = noise_part(split, len(noises[name]))
            start = int(rng.integers(first, last - second + 1))
            clip[:] = noises[name][start : start + second] * gain
            files.append(name)
        return Split(self.log_mel(clips), np.zeros(count, np.int32), tuple(files))

    def _rows(self, batch: list[tuple[str, int]]) -> _Rows:
        second = self.log_mel.config.sample_rate
        clips = np.zeros((len(batch), second), np.float32)
        files: list[str] = []
        labels: list[int] = []
        skipped: list[FileNote] = []
        converted: list[FileNote] = []
        for file, label in batch:
            audio = self._open(file, skipped, converted)
            if audio is None:
                continue
            if len(audio) > second:
                converted.append(FileNote(file, "longer than a second; the loudest was taken."))
                audio = loudest(audio, second)
            clips[len(files), : len(audio)] = audio
            files.append(file)
            labels.append(label)
        features = self.log_mel(clips[: len(files)])
        return _Rows(files, labels, features, skipped, converted)

    def _open(
        self, file: str, skipped: list[FileNote], converted: list[FileNote]
    ) -> np.ndarray | None:
        """Audio of a file; None, and a note, when it cannot be used."""
        if not is_wav(file):
            skipped.append(FileNote(file, "not a WAV file; convert it to 16-bit WAV."))
            return None
        path = self.root / file
        try:
            audio = open_wav(path, self.log_mel.config.sample_rate)
        except AudioError as error:
            skipped.append(FileNote(file, str(error).removeprefix(f"{path}: ")))
            return None
        if audio.conversions:
            converted.append(FileNote(file, f"converted from {', '.join(audio.conversions)}."))
        return audio.samples


def loudest(audio: np.ndarray, length: int) -> np.ndarray:
    """Return the stretch of `length` samples with the most energy."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return audio[start : start + length]
