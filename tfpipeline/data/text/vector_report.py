"""What a file of word vectors had for a vocabulary."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class VectorReport:
    """How many words of a vocabulary have vectors from a file.

    Args:
        path: the file.
        dim: numbers of a vector.
        lines: vectors in the file.
        found: words of the vocabulary that it has; padding and unknown words do not count.
        missing: the other words, in the order of the vocabulary.
    """

    path: str
    dim: int
    lines: int
    found: int
    missing: tuple[str, ...]

    @property
    def coverage(self) -> float:
        """The share of the words that were found, from 0 to 1."""
        return self.found / max(1, self.found + len(self.missing))

    def __str__(self) -> str:
        words = self.found + len(self.missing)
        return (
            f"{self.path}: {self.lines} vectors of {self.dim} numbers; {self.found} of {words} "
            f"words found ({self.coverage:.1%})."
        )
