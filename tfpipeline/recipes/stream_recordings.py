"""The recordings that a detector is evaluated on, with the words that are spoken in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfpipeline.data.audio.label_track import LabelledInterval, read_label_track
from tfpipeline.data.audio.wav_blocks import WavBlocks
from tfpipeline.data.errors import DataError

# Labels are rounded to what the program that wrote them shows.
_ROUNDING_SECONDS = 0.05


@dataclass(frozen=True)
class Recording:
    """One recording.

    Args:
        audio: its samples, in blocks.
        spoken: what is heard in it; empty for one without a label file, or with an empty one.
    """

    audio: WavBlocks
    spoken: tuple[LabelledInterval, ...]

    @property
    def path(self) -> Path:
        """The WAV file."""
        return self.audio.path

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.audio.seconds


def open_recordings(folder: Path, sample_rate: int, words: Sequence[str]) -> list[Recording]:
    """Open all WAV files of a folder and of its subfolders, in the order of their names.

    What is heard in `NAME.wav` is in `NAME.txt`, a label file as Audacity writes it; a recording
    without one has none of the words.

    Args:
        folder: where they lie.
        sample_rate: samples per second to read them with.
        words: that a model can find; other labels are heard, but need not be found.

    Raises:
        DataError: no folder, no recording, a label file that is broken, has no recording or tells
            of a time behind its end, or labels of which none is one of `words`.
        AudioError: a recording that cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; expected one of WAV files.")
    files = [f for f in sorted(folder.rglob("*")) if not f.name.startswith(".")]
    sounds = [f for f in files if f.suffix.lower() == ".wav" and f.is_file()]
    if not sounds:
        raise DataError(
            f"{folder}: holds no WAV file; expected recordings such as kitchen.wav, and "
            "kitchen.txt with lines of START<TAB>END<TAB>LABEL where words are spoken."
        )
    named = {f.with_suffix("") for f in sounds}
    for file in files:
        labels = file.suffix == ".txt" and file.stem.lower() not in ("readme", "license")
        if labels and file.with_suffix("") not in named:
            raise DataError(
                f"{file}: has no recording {file.stem}.wav beside it; add or rename it."
            )
    found = [_recording(f, sample_rate) for f in sounds]
    heard = sorted({one.label for recording in found for one in recording.spoken})
    if heard and not set(heard) & set(words):
        shown = ", ".join(map(repr, heard[:5]))
        raise DataError(
            f"{folder}: its labels are {shown}{' and more' if len(heard) > 5 else ''}, of which "
            f"the model can find none; expected some of {', '.join(words)}."
        )
    return found


def _recording(path: Path, sample_rate: int) -> Recording:
    audio = WavBlocks(path, sample_rate)
    labels = path.with_suffix(".txt")
    spoken = tuple(read_label_track(labels)) if labels.exists() else ()
    late = [one for one in spoken if one.end > audio.seconds + _ROUNDING_SECONDS]
    if late:
        raise DataError(
            f"{labels}: says {late[0].label!r} until {late[0].end:g} s, and {path.name} ends after "
            f"{audio.seconds:g} s; export the labels of this recording."
        )
    return Recording(audio, spoken)
