"""The study `lambda-grid`: Figure 1 of Kliegl et al. (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "character error rate over both strengths of the trace norm and of l2 (Figure 1)"
COLUMNS = (
    *("kind", "nonrec", "rec", "seed", "params", "cer_train", "cer_validation", "cer_test"),
    *("wer_test", "seconds"),
)


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train every pair of strengths with every seed."""
    from tfpipeline.studies.common.claims import Claim, mean, spread
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.grid import best_setting, grid_runs, on_the_edge
    from tfpipeline.studies.low_rank.report import errors_of

    rows = pool.rows(grid_runs(pool.settings), "Stage 1")
    lines, found, inside = [], {}, []
    for kind in ("none", "l2", "trace_norm"):
        best = best_setting(rows, kind)
        own = [row for row in rows if row["setting"] == best["setting"]]
        found[kind] = mean(own, "cer_validation")
        pair = f"nonrec {best['nonrec']:g}, rec {best['rec']:g}"
        lines.append(f"best {kind}: {pair}: CER {errors_of(own)}")
        if kind != "none":
            edge = on_the_edge(best, pool.settings)
            inside.append(
                Claim(
                    f"{kind}: stronger pairs than the best were tried on both sides",
                    not edge,
                    f"{pair}{': the largest ' + ' and '.join(edge) + ' tried' if edge else ''}",
                )
            )
    tied = [row for row in rows if row["kind"] == "trace_norm" and row["nonrec"] == row["rec"]]
    best_tied = [
        r["cer_validation"]
        for r in rows
        if r["setting"] == best_setting(tied, "trace_norm")["setting"]
    ]
    claims = [
        Claim(
            "either regularizer lowers the validation error",
            max(found["l2"], found["trace_norm"]) < found["none"],
            ", ".join(f"{kind} {100 * value:.1f} %" for kind, value in found.items()),
        ),
        Claim(
            "for the trace norm, equal strengths do as well as any pair",
            sum(best_tied) / len(best_tied) <= found["trace_norm"] + 0.005,
            f"tied {spread(best_tied)} %, best pair {100 * found['trace_norm']:.1f} %",
        ),
        *inside,
    ]
    return write_study(
        pool.out,
        pool.about("lambda-grid", command),
        COLUMNS,
        rows,
        claims,
        lambda f: _draw(f, rows),
        extra=lines,
    )


def _draw(figure: Any, rows: list[Row]) -> None:
    """Plot a map of the mean error for each regularizer."""
    import numpy as np

    from tfpipeline.studies.common.claims import mean
    from tfpipeline.studies.low_rank.report import LABELS

    maps = {}
    for kind in ("l2", "trace_norm"):
        own = [row for row in rows if row["kind"] == kind]
        if kind == "l2":
            own += [row for row in rows if row["kind"] == "none"]
        sides = [sorted({row[side] for row in own}) for side in ("nonrec", "rec")]
        errors = np.array(
            [
                [100 * mean(own, "cer_validation", rec=rec, nonrec=nonrec) for nonrec in sides[0]]
                for rec in sides[1]
            ]
        )
        maps[kind] = (sides, errors)
    low = min(errors.min() for _, errors in maps.values())
    high = max(errors.max() for _, errors in maps.values())
    for axes, (kind, (sides, errors)) in zip(figure.subplots(1, 2), maps.items(), strict=True):
        axes.imshow(errors, origin="lower", cmap="viridis_r", vmin=low, vmax=high)
        for i, j in np.ndindex(errors.shape):
            dark = errors[i, j] > (low + high) / 2
            axes.text(
                j, i, f"{errors[i, j]:.1f}", ha="center", va="center", color="w" if dark else "k"
            )
        for values, set_ticks in zip(sides, (axes.set_xticks, axes.set_yticks), strict=True):
            set_ticks(range(len(values)), [f"{value:g}" for value in values])
        axes.set_xlabel("λ of non-recurrent matrices")
        axes.set_ylabel("λ of recurrent matrices")
        axes.set_title(f"{LABELS[kind]}: validation CER, %, mean over seeds")
