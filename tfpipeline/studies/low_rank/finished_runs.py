"""The study `low-rank-runs`: what a folder has so far, while the other studies still train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "a table of every training run that --out has so far; trains nothing"
COLUMNS = (
    *("setting", "kind", "nonrec", "rec", "joint", "width", "uniform", "sparsity"),
    *("explained_variance", "budget", "epochs", "transition", "seed", "params", "nonzero"),
    *("cer_train", "cer_validation", "cer_test", "wer_test", "seconds", "commit", "processor"),
)


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Write the table, and sum up each setting over the seeds that are there."""
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.report import errors_of

    rows: list[Row] = sorted(
        (
            {**row, "nonzero": round(row["params"] - row["zeros"] * row["kernel_params"])}
            for row in pool.finished()
            # Those of exported files have no errors of their own.
            if "cer_validation" in row
        ),
        key=lambda row: row["run"],
    )
    settings: dict[str, list[Row]] = {}
    for row in rows:
        settings.setdefault(row["setting"], []).append(row)
    lines = [
        f"{setting}, {len(own)} of {len(pool.settings.seeds)} seeds: CER {errors_of(own)}"
        for setting, own in settings.items()
    ]
    return write_study(
        pool.out, pool.about("low-rank-runs", command), COLUMNS, rows, [], None, extra=lines
    )
