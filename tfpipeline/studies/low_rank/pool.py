"""Does the runs that a low-rank study lacks."""

from __future__ import annotations

from pathlib import Path

from tfpipeline.studies.low_rank.run_task import do_run
from tfpipeline.studies.low_rank.runs import RunFiles
from tfpipeline.studies.low_rank.settings import FULL, QUICK
from tfpipeline.studies.speech.pool import SentencePool


class Pool(SentencePool):
    """Trains the models of the low-rank studies."""

    STORE = "low_rank.rows.jsonl"
    CHOICES = (
        *("seeds", "trace_norm", "l2", "trace_norm_alone", "l2_alone", "budgets"),
        *("explained_variances", "transitions", "transition_plans", "sparsities", "widths"),
        "small_l2",
    )
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)
