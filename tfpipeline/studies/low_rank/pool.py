"""Does the runs that a low-rank study lacks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.training_pool import TrainingPool
from tfpipeline.studies.low_rank.run_task import do_run
from tfpipeline.studies.low_rank.runs import RunFiles
from tfpipeline.studies.low_rank.settings import FULL, QUICK
from tfpipeline.studies.speech.corpus import prepare_corpus

# What only chooses runs: a run's name says which it is.
_CHOICES = (
    *("seeds", "trace_norm", "l2", "trace_norm_alone", "l2_alone", "budgets"),
    *("explained_variances", "transitions", "transition_plans", "sparsities", "widths", "small_l2"),
)


class Pool(TrainingPool):
    """Trains on spoken sentences; see `TrainingPool`."""

    STORE = "low_rank.rows.jsonl"
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)

    def prepare(self, data: Path | None) -> str:
        return file_digest(prepare_corpus(self.out, self.settings, data))

    def basis_of_settings(self) -> dict[str, Any]:
        settings = dataclasses.asdict(self.settings)
        return {name: value for name, value in settings.items() if name not in _CHOICES}
