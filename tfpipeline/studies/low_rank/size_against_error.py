"""The study `size-against-error`: Figure 4 of Kliegl et al. (2018)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfpipeline.studies.low_rank.report import add_arguments as add_arguments
from tfpipeline.studies.rows import Row, StudyResult

HELP = "error rate over size after stage 2, from each kind of stage 1 (Figure 4)"
COLUMNS = (
    *("kind", "nonrec", "rec", "seed", "budget", "params", "cer_validation", "cer_test"),
    *("wer_test", "seconds"),
)


def run(
    out: Path,
    *,
    quick: bool = False,
    processes: int = 1,
    command: str = "",
    data: Path | None = None,
    backend: str | None = None,
    settings: Any = None,
) -> StudyResult:
    """Cuts the best stage 1 of each kind, by validation error, to several sizes.

    Where the paper takes the three best models of a kind, this takes the best setting with all its
    seeds, so that the spread is that of training.
    """
    from tfpipeline.studies.low_rank.grid import best_runs, grid_runs
    from tfpipeline.studies.low_rank.pool import Pool
    from tfpipeline.studies.low_rank.report import Claim, finish
    from tfpipeline.studies.low_rank.runs import KINDS, Stage2

    pool = Pool(
        out, quick=quick, data=data, processes=processes, backend=backend, settings=settings
    )
    grid = pool.rows(grid_runs(pool.settings), "Stage 1")
    runs = [
        Stage2(stage1, budget=budget)
        for kind in KINDS
        for budget in pool.settings.budgets
        for stage1 in best_runs(grid, kind, pool.settings)
    ]
    rows = pool.rows(runs, "Stage 2")
    mean = {
        kind: {budget: _mean(rows, kind, budget) for budget in pool.settings.budgets}
        for kind in KINDS
    }
    found = "; ".join(
        f"budget {budget:g}: "
        + ", ".join(f"{kind} {100 * mean[kind][budget]:.1f} %" for kind in KINDS)
        for budget in pool.settings.budgets
    )
    claims = [
        Claim(
            f"a {kind} warm start beats the unregularized one at every size",
            all(mean[kind][b] < mean["none"][b] for b in pool.settings.budgets),
            found,
        )
        for kind in ("l2", "trace_norm")
    ]
    whole = [row for row in grid if row["setting"] in {run.stage1.setting for run in runs}]
    return finish(
        pool,
        "size-against-error",
        command,
        COLUMNS,
        rows,
        claims,
        lambda f: _draw(f, rows, whole),
        (7, 4.6),
    )


def _mean(rows: list[Row], kind: str, budget: float) -> float:
    own = [r["cer_validation"] for r in rows if (r["kind"], r["budget"]) == (kind, budget)]
    return float(sum(own) / len(own))


def _draw(figure: Any, rows: list[Row], whole: list[Row]) -> None:
    from tfpipeline.studies.low_rank.report import COLORS, LABELS

    axes = figure.subplots()
    for kind, color in COLORS.items():
        own = [row for row in rows if row["kind"] == kind]
        axes.plot(
            [row["params"] / 1000 for row in own],
            [100 * row["cer_validation"] for row in own],
            "o",
            color=color,
            alpha=0.4,
        )
        budgets = sorted({row["budget"] for row in own})
        sizes = [
            sum(r["params"] for r in own if r["budget"] == b)
            / sum(1 for r in own if r["budget"] == b)
            / 1000
            for b in budgets
        ]
        axes.plot(
            sizes,
            [100 * _mean(rows, kind, b) for b in budgets],
            color=color,
            label=f"stage 2 from {LABELS[kind]}",
        )
        errors = [row["cer_validation"] for row in whole if row["kind"] == kind]
        axes.axhline(
            100 * sum(errors) / len(errors),
            color=color,
            linestyle=":",
            label=f"{LABELS[kind]}, stage 1",
        )
    axes.set_xlabel("parameters, thousands")
    axes.set_ylabel("validation CER, %")
    axes.legend()
