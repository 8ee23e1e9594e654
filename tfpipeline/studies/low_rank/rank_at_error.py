"""The study `rank-at-error`: Figure 3 of Kliegl et al. (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "rank@0.9 of the last recurrent layer over the error rate (Figure 3)"
COLUMNS = ("matrix", "start", "nonrec", "rec", "seed", "rank", "nu", "cer_validation", "cer_test")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Read ranks off all runs of `lambda-grid` and of `nu-coefficient`."""
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.grid import alone_runs, grid_runs

    found = pool.rows([*grid_runs(pool.settings), *alone_runs(pool.settings)], "Stage 1")
    layer = f"gru_{len(pool.settings.units)}"
    rows: list[Row] = [
        {
            **{name: row[name] for name in ("nonrec", "rec", "seed", "cer_validation", "cer_test")},
            "start": _start(row),
            "matrix": matrix,
            "rank": row["rank"][matrix],
            "nu": row["nu"][matrix],
        }
        for row in found
        for matrix in (f"{layer}/kernel", f"{layer}/recurrent_kernel")
    ]
    claims = []
    for matrix in dict.fromkeys(row["matrix"] for row in rows):
        for measure in ("rank", "nu"):
            lower, pairs = _compare(rows, matrix, measure)
            claims.append(
                Claim(
                    f"{matrix}: at equal error (1 % CER) the trace norm has the lower {measure}",
                    pairs > 0 and lower / pairs > 0.9,
                    f"in {lower} of {pairs} pairs of a trace-norm and an l2 model",
                )
            )
    return write_study(
        pool.out,
        pool.about("rank-at-error", command),
        COLUMNS,
        rows,
        claims,
        lambda f: _draw(f, rows),
    )


def _start(row: Row) -> str:
    """Return the kind; factors that are trained without a penalty are one of their own."""
    unpenalized = row["kind"] == "trace_norm" and not row["nonrec"] and not row["rec"]
    return "factors" if unpenalized else str(row["kind"])


def _compare(rows: list[Row], matrix: str, measure: str) -> tuple[int, int]:
    """In how many pairs of models with about the same error the trace norm's measure is lower."""
    own = [row for row in rows if row["matrix"] == matrix]
    trace = [row for row in own if row["start"] == "trace_norm"]
    l2 = [row for row in own if row["start"] == "l2"]
    pairs = [
        (a, b) for a in trace for b in l2 if abs(a["cer_validation"] - b["cer_validation"]) < 0.01
    ]
    return sum(a[measure] < b[measure] for a, b in pairs), len(pairs)


def _draw(figure: Any, rows: list[Row]) -> None:
    from tfpipeline.studies.low_rank.report import COLORS, LABELS

    matrices = list(dict.fromkeys(row["matrix"] for row in rows))
    for axes, matrix in zip(figure.subplots(1, 2), matrices, strict=True):
        for start, color in COLORS.items():
            own = [row for row in rows if row["matrix"] == matrix and row["start"] == start]
            axes.plot(
                [100 * row["cer_validation"] for row in own],
                [row["rank"] for row in own],
                "o",
                color=color,
                alpha=0.6,
                label=LABELS[start],
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("validation CER, %")
        axes.set_ylabel(f"rank at 90 % of {matrix}")
        axes.legend()
