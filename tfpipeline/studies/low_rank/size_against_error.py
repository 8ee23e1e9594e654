"""The study `size-against-error`: Figure 4 of Kliegl et al. (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "error rate over size after stage 2, from each kind of stage 1 (Figure 4)"
COLUMNS = (
    *("start", "nonrec", "rec", "seed", "budget", "params", "cer_validation", "cer_test"),
    *("wer_test", "seconds"),
)


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Cut the best stage 1 of each kind, by validation error, to several sizes.

    Where the paper takes the three best models of a kind, this takes the best setting with all its
    seeds, so that the spread is that of training. Factors that were trained without a penalty are
    there too: they tell what the trace norm adds to the factorization.
    """
    from tfpipeline.studies.common.claims import Claim, mean
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.grid import best_runs, grid_runs
    from tfpipeline.studies.low_rank.runs import KINDS, Stage1, Stage2

    grid = pool.rows(grid_runs(pool.settings), "Stage 1")
    starts = {kind: best_runs(grid, kind, pool.settings) for kind in KINDS}
    starts["factors"] = [Stage1(seed, "trace_norm") for seed in pool.settings.seeds]
    budgets = pool.settings.budgets
    runs = [
        (start, Stage2(stage1, budget=budget))
        for start, stage1s in starts.items()
        for budget in budgets
        for stage1 in stage1s
    ]
    found = pool.rows([one for _, one in runs], "Stage 2")
    rows: list[Row] = [{**row, "start": start} for (start, _), row in zip(runs, found, strict=True)]
    error = {
        start: {b: mean(rows, "cer_validation", start=start, budget=b) for b in budgets}
        for start in starts
    }
    numbers = "; ".join(
        f"budget {budget:g}: "
        + ", ".join(f"{start} {100 * error[start][budget]:.1f} %" for start in starts)
        for budget in budgets
    )
    claims = [
        Claim(
            f"a {start} warm start beats the unregularized one at every size",
            all(error[start][b] < error["none"][b] for b in budgets),
            numbers,
        )
        for start in ("l2", "trace_norm")
    ]
    whole: list[Row] = [
        {**row, "start": start}
        for start, stage1s in starts.items()
        for row in grid
        if row["setting"] == stage1s[0].setting
    ]
    return write_study(
        pool.out,
        pool.about("size-against-error", command),
        COLUMNS,
        rows,
        claims,
        lambda f: _draw(f, rows, whole),
        (7, 4.6),
    )


def _draw(figure: Any, rows: list[Row], whole: list[Row]) -> None:
    from tfpipeline.studies.common.claims import mean
    from tfpipeline.studies.low_rank.report import COLORS, LABELS

    axes = figure.subplots()
    for start, color in COLORS.items():
        own = [row for row in rows if row["start"] == start]
        axes.plot(
            [row["params"] / 1000 for row in own],
            [100 * row["cer_validation"] for row in own],
            "o",
            color=color,
            alpha=0.4,
        )
        budgets = sorted({row["budget"] for row in own})
        sizes = [mean(own, "params", budget=b) / 1000 for b in budgets]
        axes.plot(
            sizes,
            [100 * mean(own, "cer_validation", budget=b) for b in budgets],
            color=color,
            label=f"{LABELS[start]}, cut, stage 2",
        )
        axes.axhline(
            100 * mean(whole, "cer_validation", start=start),
            color=color,
            linestyle=":",
            label=f"{LABELS[start]}, stage 1",
        )
    axes.set_xlabel("parameters, thousands")
    axes.set_ylabel("validation CER, %")
    axes.legend(fontsize=8)
