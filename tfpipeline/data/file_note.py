"""What a reader of corpora says of one file."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class FileNote:
    """What happened to one file: a sentence for a person.

    Args:
        path: the file, relative to the corpus.
        message: why it was skipped, or what was converted.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"
