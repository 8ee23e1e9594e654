"""Does the runs that the study of characters lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.rows import Row
from tfpipeline.studies.common.training_pool import TrainingPool
from tfpipeline.studies.low_bit.text.data import prepare_text
from tfpipeline.studies.low_bit.text.runs import RunFiles, TextModel
from tfpipeline.studies.low_bit.text.settings import FULL, QUICK
from tfpipeline.studies.low_bit.text.work import do_run


class Pool(TrainingPool):
    """Trains on a text; see `TrainingPool`."""

    STORE, CORPUS = "low_bit_text.rows.jsonl", "text"
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)

    def prepare(self, data: Path | None) -> str:
        return file_digest(prepare_text(self.files, data))

    def basis_of_settings(self) -> dict[str, Any]:
        names = ("tested", "units", "lanes", "steps", "epochs", "rate")
        # Named as in rows that were stored when there were characters only.
        basis = {"characters": self.settings.symbols}
        return basis | {name: getattr(self.settings, name) for name in names}

    def trained(self, runs: Sequence[TextModel], label: str) -> list[Row]:
        """Return the rows of runs with each seed of the settings."""
        seeds = self.settings.seeds
        return self.rows([dataclasses.replace(r, seed=s) for r in runs for s in seeds], label)
