"""The study `joint-forms`: Table 3 of Kliegl et al. (2018)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "one factorization for all gates of a kernel against one for each gate (Table 3)"
COLUMNS = (
    *("joint", "explained_variance", "nonrec", "rec", "seed", "params", "cer_validation"),
    *("cer_test", "seconds"),
)
FORMS = ("partial", "split")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train, cut and train on in both forms, with the trace norm's best strengths."""
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.grid import best_runs, grid_runs
    from tfpipeline.studies.low_rank.runs import Stage2

    grid = pool.rows(grid_runs(pool.settings), "Stage 1")
    best = best_runs(grid, "trace_norm", pool.settings)
    stage1 = {form: [dataclasses.replace(one, joint=form) for one in best] for form in FORMS}
    pool.rows(stage1["split"], "Stage 1, split")
    runs = [
        Stage2(one, explained_variance=share)
        for share in pool.settings.explained_variances
        for form in FORMS
        for one in stage1[form]
    ]
    rows = pool.rows(runs, "Stage 2")
    lines, ahead = [], []
    for share in pool.settings.explained_variances:
        means = {form: _means(rows, form, share) for form in FORMS}
        lines.append(
            f"explained variance {share:g}: "
            + "; ".join(
                f"{form} {size / 1000:.1f} K, CER {100 * error:.1f} %"
                for form, (size, error) in means.items()
            )
        )
        ahead.append(means["partial"][0] < means["split"][0])
    claims = [
        Claim(
            "partially joint is smaller than split at the same explained variance",
            all(ahead),
            f"{sum(ahead)} of {len(ahead)} shares",
        ),
        Claim(
            "at the size of a partially joint model, a split model has no lower error",
            *_compare(rows, pool.settings.explained_variances),
        ),
    ]
    return write_study(
        pool.out,
        pool.about("joint-forms", command),
        COLUMNS,
        rows,
        claims,
        lambda f: _draw(f, rows),
        (7, 4.4),
        lines,
    )


def _means(rows: list[Row], form: str, share: float) -> tuple[float, float]:
    """Mean size and mean error."""
    from tfpipeline.studies.common.claims import mean

    size, error = (
        mean(rows, column, joint=form, explained_variance=share)
        for column in ("params", "cer_validation")
    )
    return size, error


def _compare(rows: list[Row], shares: tuple[float, ...]) -> tuple[bool, str]:
    """Whether split, read off between its own sizes, is never below partial."""
    import numpy as np

    split = sorted(_means(rows, "split", share) for share in shares)
    sizes, errors = np.array(split).T
    found = []
    for share in shares:
        size, error = _means(rows, "partial", share)
        if sizes[0] <= size <= sizes[-1]:
            found.append((error, float(np.interp(size, sizes, errors))))
    text = ", ".join(f"{100 * a:.1f} against {100 * b:.1f} %" for a, b in found)
    # Half a percent is the spread of seeds, about.
    return bool(found) and all(a <= b + 0.005 for a, b in found), text or "no size in common"


def _draw(figure: Any, rows: list[Row]) -> None:
    axes = figure.subplots()
    for form, color in zip(FORMS, ("#c8553d", "#588b8b"), strict=True):
        own = [row for row in rows if row["joint"] == form]
        shares = sorted({row["explained_variance"] for row in own})
        axes.plot(
            [row["params"] / 1000 for row in own],
            [100 * row["cer_validation"] for row in own],
            "o",
            color=color,
            alpha=0.4,
        )
        means = [_means(rows, form, share) for share in shares]
        axes.plot(
            [size / 1000 for size, _ in means],
            [100 * error for _, error in means],
            color=color,
            label={"partial": "partially joint", "split": "split"}[form],
        )
        for share, (size, error) in zip(shares, means, strict=True):
            axes.annotate(
                f"{share:g}",
                (size / 1000, 100 * error),
                textcoords="offset points",
                xytext=(4, 6),
                fontsize=8,
            )
    axes.set_xlabel("parameters after the cut, thousands (numbers: explained variance)")
    axes.set_ylabel("validation CER after stage 2, %")
    axes.legend()
