"""The study `nu-coefficient`: Figure 2 of Kliegl et al. (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "nu of the last recurrent layer over the strength of either regularizer (Figure 2)"
COLUMNS = ("matrix", "kind", "strength", "seed", "nu", "rank", "cer_validation", "cer_test")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Read nu off the runs of `lambda-grid` with one strength 0, and off stronger ones."""
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.grid import alone_runs, grid_runs

    found = pool.rows([*grid_runs(pool.settings), *alone_runs(pool.settings)], "Stage 1")
    layer = f"gru_{len(pool.settings.units)}"
    rows: list[Row] = []
    for row in found:
        for matrix, own, other in (
            (f"{layer}/kernel", "nonrec", "rec"),
            (f"{layer}/recurrent_kernel", "rec", "nonrec"),
        ):
            if row[other] == 0:
                rows.append(
                    {
                        "matrix": matrix,
                        "kind": row["kind"],
                        "strength": row[own],
                        "seed": row["seed"],
                        "nu": row["nu"][matrix],
                        "rank": row["rank"][matrix],
                        "cer_validation": row["cer_validation"],
                        "cer_test": row["cer_test"],
                    }
                )
    claims = []
    for matrix in dict.fromkeys(row["matrix"] for row in rows):
        # Among the settings whose mean error is near the best, the least nu that each kind gets.
        least = {kind: _least_nu(rows, matrix, kind) for kind in ("l2", "trace_norm")}
        claims.append(
            Claim(
                f"{matrix}: the trace norm lowers nu further than l2 does without a worse error",
                least["trace_norm"] < least["l2"],
                f"least mean nu within 2 % CER of the kind's best: trace norm "
                f"{least['trace_norm']:.2f}, l2 {least['l2']:.2f}",
            )
        )
    return write_study(
        pool.out,
        pool.about("nu-coefficient", command),
        COLUMNS,
        rows,
        claims,
        lambda f: _draw(f, rows),
    )


def _means(rows: list[Row], matrix: str, kind: str) -> dict[float, tuple[float, float]]:
    """Mean nu and mean CER by strength."""
    from tfpipeline.studies.common.claims import mean

    kinds = (kind, "none") if kind == "l2" else (kind,)
    own = [row for row in rows if row["matrix"] == matrix and row["kind"] in kinds]
    return {
        strength: (
            mean(own, "nu", strength=strength),
            mean(own, "cer_validation", strength=strength),
        )
        for strength in sorted({row["strength"] for row in own})
    }


def _least_nu(rows: list[Row], matrix: str, kind: str) -> float:
    means = _means(rows, matrix, kind).values()
    best = min(error for _, error in means)
    return min(value for value, error in means if error <= best + 0.02)


def _draw(figure: Any, rows: list[Row]) -> None:
    from tfpipeline.studies.low_rank.report import COLORS, LABELS

    matrices = list(dict.fromkeys(row["matrix"] for row in rows))
    for axes, matrix in zip(figure.subplots(1, 2, sharey=True), matrices, strict=True):
        for kind in ("l2", "trace_norm"):
            means = _means(rows, matrix, kind)
            # Zero has no place on a logarithmic axis: it stands left of the others.
            smallest = min(strength for strength in means if strength)
            at = {s: s or smallest / 10 for s in means}
            kinds = (kind, "none") if kind == "l2" else (kind,)
            own = [r for r in rows if r["matrix"] == matrix and r["kind"] in kinds]
            axes.plot(
                [at[r["strength"]] for r in own],
                [r["nu"] for r in own],
                "o",
                color=COLORS[kind],
                alpha=0.5,
            )
            axes.plot(
                [at[s] for s in means],
                [value for value, _ in means.values()],
                color=COLORS[kind],
                label=LABELS[kind],
            )
            for strength, (value, error) in means.items():
                axes.annotate(
                    f"{100 * error:.0f} %",
                    (at[strength], value),
                    textcoords="offset points",
                    xytext=(4, 6),
                    fontsize=7,
                )
        axes.set_xscale("log")
        axes.set_ylim(0, 1)
        axes.set_xlabel("strength λ (leftmost: 0); numbers: validation CER")
        axes.set_ylabel(f"ν of {matrix}")
        axes.legend()
