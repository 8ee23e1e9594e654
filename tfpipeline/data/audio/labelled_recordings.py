"""Long recordings with the times of what is heard in them: a folder of WAV and label files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfpipeline.data.audio.label_track import LabelledInterval, read_label_track
from tfpipeline.data.audio.wav import SAMPLE_RATE, read_wav
from tfpipeline.data.errors import DataError

# What a program that writes labels may round their times by.
_ROUNDING_SECONDS = 0.05


@dataclasses.dataclass(frozen=True)
class LabelledRecording:
    """One recording.

    Args:
        path: its WAV file.
        samples: float32 `(samples,)` in [-1, 1], mono.
        sample_rate: samples per second.
        intervals: what is heard when; empty where nothing is.
    """

    path: Path
    samples: np.ndarray
    sample_rate: int
    intervals: tuple[LabelledInterval, ...]

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


def find_recordings(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the WAV files of a folder, sorted; hidden ones are passed over.

    Raises:
        DataError: no such folder, no WAV file in it, or a label file without its recording.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder; expected one of WAV files.")
    files = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    found = [path for path in files if path.suffix.lower() == ".wav" and path.is_file()]
    if not found:
        raise DataError(
            f"{root}: holds no WAV file; expected recordings such as kitchen.wav, and kitchen.txt "
            "with lines of start<TAB>end<TAB>label where words are heard."
        )
    stems = {path.stem for path in found}
    for path in files:
        if path.suffix == ".txt" and path.stem not in stems and path.stem.lower() != "readme":
            raise DataError(
                f"{path}: has no recording {path.stem}.wav beside it; add or rename it."
            )
    return found


def read_recordings(
    folder: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE
) -> Iterator[LabelledRecording]:
    """Read the recordings of a folder one by one, so that only one is in memory.

    Words heard in `NAME.wav` are in `NAME.txt`, a label file as Audacity exports it (start, end and
    label apart by tabs, in seconds). A recording without one has none of the words.

    Args:
        folder: where they lie.
        sample_rate: samples per second to return; other rates and channels are converted.

    Yields:
        The recordings, ordered by name.

    Raises:
        DataError: no such folder, no recording, a label file that is broken, has no recording, or
            tells of a time behind its recording's end.
        AudioError: a recording is damaged.
    """
    for path in find_recordings(folder):
        samples = read_wav(path, sample_rate)
        intervals = intervals_of(path, len(samples) / sample_rate)
        yield LabelledRecording(path, samples, sample_rate, intervals)


def intervals_of(path: Path, seconds: float) -> tuple[LabelledInterval, ...]:
    """Return what the label file of a recording says; nothing where there is none.

    Args:
        path: the recording.
        seconds: its length.

    Raises:
        DataError: the label file is broken, or tells of a time behind the recording's end.
    """
    labels = path.with_suffix(".txt")
    intervals = tuple(read_label_track(labels)) if labels.exists() else ()
    late = [one for one in intervals if one.end > seconds + _ROUNDING_SECONDS]
    if late:
        raise DataError(
            f"{labels}: says {late[0].label!r} until {late[0].end:g} s, and {path.name} ends "
            f"after {seconds:g} s; export the labels of this recording."
        )
    return intervals
