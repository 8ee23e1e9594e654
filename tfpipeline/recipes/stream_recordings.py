"""The recordings that a detector is evaluated on, with the words that are spoken in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfpipeline.data.audio.label_track import LabelledInterval
from tfpipeline.data.audio.labelled_recordings import find_recordings, intervals_of
from tfpipeline.data.audio.wav_blocks import WavBlocks
from tfpipeline.data.errors import DataError


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
    """Open all WAV files of a folder, in the order of their names.

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
    found = []
    for path in find_recordings(folder):
        audio = WavBlocks(path, sample_rate)
        found.append(Recording(audio, intervals_of(path, audio.seconds)))
    heard = sorted({one.label for recording in found for one in recording.spoken})
    if heard and not set(heard) & set(words):
        shown = ", ".join(map(repr, heard[:5]))
        raise DataError(
            f"{folder}: its labels are {shown}{' and more' if len(heard) > 5 else ''}, of which "
            f"the model can find none; expected some of {', '.join(words)}."
        )
    return found
