"""What a synthesized corpus consists of."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class CorpusInfo:
    """Description of a synthesized corpus.

    Args:
        path: its folder.
        seed: seed of every random choice.
        clips: number of clips by split, without the noise that silence is cut from.
        speakers: by split, the variants of the synthesizer that speak; no split shares one.
        voices: by split, the distinct accent and variant pairs among its clips.
        accents: the accents.
        words: the command words.
        unknown_words: words of the class "unknown".
        synthesizer: name and version of the synthesizer.
        reused: whether the folder held this very corpus already.
    """

    path: Path
    seed: int
    clips: dict[str, int]
    speakers: dict[str, tuple[str, ...]]
    voices: dict[str, int]
    accents: tuple[str, ...]
    words: tuple[str, ...]
    unknown_words: tuple[str, ...]
    synthesizer: str
    reused: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the description as a dictionary that JSON can hold."""
        return {**dataclasses.asdict(self), "path": str(self.path)}
