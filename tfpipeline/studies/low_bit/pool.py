"""Does the runs that a study of few bits on pixels lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.rows import Row
from tfpipeline.studies.common.training_pool import TrainingPool
from tfpipeline.studies.low_bit.data import prepare_pixels
from tfpipeline.studies.low_bit.runs import RunFiles, Training
from tfpipeline.studies.low_bit.settings import FULL, QUICK
from tfpipeline.studies.low_bit.work import do_run


class Pool(TrainingPool):
    """Trains on pixels; see `TrainingPool`."""

    STORE, CORPUS, MODULES = "low_bit.rows.jsonl", "pixels", ("sklearn",)
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)

    def prepare(self, data: Path | None) -> str:
        return file_digest(prepare_pixels(self.files, data))

    def basis_of_settings(self) -> dict[str, Any]:
        names = ("train", "features", "units", "epochs", "batch_size", "rate", "watched")
        return {name: getattr(self.settings, name) for name in names}

    def trained(self, runs: Sequence[Training], label: str) -> list[Row]:
        """Return the rows of runs with each seed of the settings."""
        seeds = self.settings.seeds
        return self.rows([dataclasses.replace(r, seed=s) for r in runs for s in seeds], label)
