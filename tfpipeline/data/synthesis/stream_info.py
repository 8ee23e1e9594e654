"""What a synthesized stream consists of."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class StreamInfo:
    """Description of a synthesized stream.

    Args:
        path: its folder.
        seed: seed of every random choice.
        split: whose speakers speak.
        negative_seconds: length of the recordings without a keyword.
        keyword_seconds: length of those with keywords.
        speech_seconds: how much of the recordings without a keyword is speech.
        keywords: how often each is said.
        speakers: variants of the synthesizer that speak.
        synthesizer: name and version of the synthesizer.
        reused: whether the folder held this very stream already.
    """

    path: Path
    seed: int
    split: str
    negative_seconds: float
    keyword_seconds: float
    speech_seconds: float
    keywords: dict[str, int]
    speakers: tuple[str, ...]
    synthesizer: str
    reused: bool
