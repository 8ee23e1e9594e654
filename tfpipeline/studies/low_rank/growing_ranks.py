"""The study `growing-ranks`: why later layers are wider in Kliegl et al. (2018), appendix B.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "the rank that each layer needs, with growing and with equal widths"
COLUMNS = (
    *("widths", "kind", "seed", "params", "matrix", "layer", "rank", "nu", "cer_validation"),
    "cer_test",
)


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Compare rank@90 % by layer, after the trace norm and without a regularizer."""
    import dataclasses

    from tfpipeline.studies.common.claims import Claim, mean
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.grid import best_runs, grid_runs
    from tfpipeline.studies.low_rank.report import errors_of

    grid = pool.rows(grid_runs(pool.settings), "Stage 1")
    growing = [
        one for kind in ("none", "trace_norm") for one in best_runs(grid, kind, pool.settings)
    ]
    runs = [*growing, *(dataclasses.replace(one, uniform=True) for one in growing)]
    found = pool.rows(runs, "Equal widths")
    rows: list[Row] = [
        {
            **{
                name: row[name] for name in ("kind", "seed", "params", "cer_validation", "cer_test")
            },
            "widths": "equal" if row["uniform"] else "growing",
            "matrix": matrix.rpartition("/")[2],
            "layer": int(matrix.partition("/")[0].removeprefix("gru_")),
            "rank": rank,
            "nu": row["nu"][matrix],
        }
        for row in found
        for matrix, rank in row["rank"].items()
        if matrix.startswith("gru_")
    ]
    trained = {
        widths: [
            row
            for row in found
            if row["kind"] == "trace_norm" and row["uniform"] == (widths == "equal")
        ]
        for widths in ("growing", "equal")
    }
    claims = [
        Claim(
            f"the rank of the {matrix} at 90 % grows from layer to layer ({widths} widths)",
            all(a < b for a, b in zip(ranks, ranks[1:], strict=False)),
            " < ".join(f"{rank:.1f}" for rank in ranks),
        )
        for widths in ("growing", "equal")
        for matrix in ("recurrent_kernel", "kernel")
        for ranks in [_ranks(rows, widths, "trace_norm", matrix)]
    ]
    claims.append(
        Claim(
            "growing widths do as well as equal ones",
            mean(trained["growing"], "cer_validation")
            <= mean(trained["equal"], "cer_validation") + 0.005,
            "; ".join(f"{widths}: CER {errors_of(own)}" for widths, own in trained.items()),
        )
    )
    return write_study(
        pool.out,
        pool.about("growing-ranks", command),
        COLUMNS,
        rows,
        claims,
        lambda f: _draw(f, rows),
    )


def _ranks(rows: list[Row], widths: str, kind: str, matrix: str) -> list[float]:
    """Mean rank by layer."""
    from tfpipeline.studies.common.claims import mean

    layers = sorted({row["layer"] for row in rows})
    having = {"widths": widths, "kind": kind, "matrix": matrix}
    return [mean(rows, "rank", layer=layer, **having) for layer in layers]


def _draw(figure: Any, rows: list[Row]) -> None:
    from tfpipeline.studies.low_rank.report import COLORS, LABELS

    for axes, matrix in zip(
        figure.subplots(1, 2, sharey=True), ("kernel", "recurrent_kernel"), strict=True
    ):
        for kind in ("none", "trace_norm"):
            for widths, style in (("growing", "-o"), ("equal", "--s")):
                ranks = _ranks(rows, widths, kind, matrix)
                axes.plot(
                    range(1, len(ranks) + 1),
                    ranks,
                    style,
                    color=COLORS[kind],
                    label=f"{LABELS[kind]}, {widths} widths",
                )
        axes.set_xticks(range(1, len(ranks) + 1))
        # Both share the axis, whose upper end the second would not move any more.
        axes.set_ylim(0, 1.05 * max(row["rank"] for row in rows))
        axes.set_xlabel("recurrent layer")
        axes.set_ylabel(f"rank at 90 % of the {matrix.replace('_', ' ')}")
    axes.legend()
