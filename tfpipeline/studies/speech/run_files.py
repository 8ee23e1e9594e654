"""Where runs on spoken sentences find them. Light: it travels between processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfpipeline.studies.common import run_files


@dataclass(frozen=True)
class SentenceFiles(run_files.RunFiles):
    """Where a run finds the sentences and leaves its model."""

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus.npz"
