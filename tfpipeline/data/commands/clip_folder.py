"""Features of the recordings in a folder, all of one length, whatever the folder's layout."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tfpipeline.data.audio.wav import read_wav
from tfpipeline.data.commands.clip_reader import loudest
from tfpipeline.data.commands.word_folders import is_wav
from tfpipeline.data.errors import AudioError, DataError
from tfpipeline.features import FrontEnd


@dataclasses.dataclass(frozen=True)
class ClipFolder:
    """Clips of a folder.

    Args:
        features: float32 `(clips, frames, num_mels)`.
        files: their files, relative to the folder, with forward slashes.
    """

    features: np.ndarray
    files: tuple[str, ...]


def read_clip_folder(
    folder: Path, front_end: FrontEnd, limit: int, frames: int | None = None
) -> ClipFolder:
    """Read the WAV files of a folder and its subfolders.

    Of more than `limit` files, ones at even distances in the sorted list are read, so that every
    subfolder of a corpus is heard. Longer clips are cut to their loudest stretch, shorter ones get
    silence at their end.

    Args:
        folder: where to look; hidden files and folders are passed over.
        front_end: of the features.
        limit: most files to read.
        frames: length of every clip in frames; None takes the median length of the clips.

    Raises:
        DataError: no such folder, no WAV file in it, or clips too short for a frame.
        AudioError: a file is damaged.
    """
    files = _spread(_wav_files(folder), limit)
    clips = [_read(folder, file, front_end) for file in files]
    config = front_end.config
    if frames is None:
        length = sorted(map(len, clips))[len(clips) // 2]
    else:
        length = config.window_samples + (frames - 1) * config.hop_samples
    if not config.num_frames(length):
        raise DataError(
            f"{folder}: its clips have {length} samples, fewer than the front end's window of "
            f"{config.window_samples}; record longer ones."
        )
    audio = np.zeros((len(clips), length), np.float32)
    for row, clip in zip(audio, clips, strict=True):
        cut = loudest(clip, length) if len(clip) > length else clip
        row[: len(cut)] = cut
    return ClipFolder(front_end(audio), files)


def _wav_files(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; check the path.")
    found = (path.relative_to(folder) for path in folder.rglob("*") if is_wav(path.name))
    visible = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    files = sorted(path.as_posix() for path in visible if (folder / path).is_file())
    if not files:
        raise DataError(f"{folder}: holds no WAV file; expected .wav files in it or below it.")
    return files


def _spread(files: list[str], limit: int) -> tuple[str, ...]:
    count = min(limit, len(files))
    return tuple(files[i * len(files) // count] for i in range(count))


def _read(folder: Path, file: str, front_end: FrontEnd) -> np.ndarray:
    try:
        return read_wav(folder / file, front_end.config.sample_rate)
    except AudioError as error:
        raise AudioError(f"{error} Repair or remove this file.") from None
