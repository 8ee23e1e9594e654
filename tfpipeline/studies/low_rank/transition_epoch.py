"""The study `transition-epoch`: Figure 5 of Kliegl et al. (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled
from tfpipeline.studies.rows import Row, StudyResult

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "when stage 1 may end, in a fixed number of epochs and with a fixed size (Figure 5)"
COLUMNS = (
    *("kind", "nonrec", "rec", "seed", "transition", "params", "cer_before", "cer_cut"),
    *("cer_validation", "cer_test", "seconds"),
)


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Moves the transition of the best setting of each regularizer."""
    from tfpipeline.studies.low_rank.grid import best_runs, grid_runs
    from tfpipeline.studies.low_rank.report import Claim, finish, mean
    from tfpipeline.studies.low_rank.runs import TwoStages

    grid = pool.rows(grid_runs(pool.settings), "Stage 1")
    transitions = pool.settings.transitions
    runs = [
        TwoStages(stage1, transition)
        for kind in ("l2", "trace_norm")
        for transition in transitions
        for stage1 in best_runs(grid, kind, pool.settings)
    ]
    rows = [
        {
            **row,
            "cer_before": row["curve"][row["transition"] - 1],
            "cer_cut": row["curve"][row["transition"]],
        }
        for row in pool.rows(runs, "Both stages")
    ]
    claims = []
    for kind in ("l2", "trace_norm"):
        means = {t: mean(rows, "cer_validation", kind=kind, transition=t) for t in transitions}
        found = ", ".join(f"epoch {t}: CER {100 * value:.1f} %" for t, value in means.items())
        claims += [
            Claim(
                f"{kind}: a transition after epoch {t} of {pool.settings.epochs} costs nothing "
                "against any other",
                means[t] <= min(means.values()) + 0.005,
                found,
            )
            for t in transitions[:-1]
        ]
    jumps = {
        kind: [
            mean(rows, "cer_cut", kind=kind, transition=t)
            - mean(rows, "cer_before", kind=kind, transition=t)
            for t in transitions
        ]
        for kind in ("l2", "trace_norm")
    }
    claims.append(
        Claim(
            "the error jumps less at the transition after the trace norm than after l2",
            all(a < b for a, b in zip(jumps["trace_norm"], jumps["l2"], strict=True)),
            "; ".join(
                f"{kind}: "
                + ", ".join(
                    f"epoch {t} {100 * jump:+.1f} %"
                    for t, jump in zip(transitions, values, strict=True)
                )
                for kind, values in jumps.items()
            ),
        )
    )
    return finish(
        pool, "transition-epoch", command, COLUMNS, rows, claims, lambda f: _draw(f, rows)
    )


def _draw(figure: Any, rows: list[Row]) -> None:
    """Final error by transition, and how the error goes for the one in the middle."""
    import numpy as np

    from tfpipeline.studies.low_rank.report import COLORS, LABELS, mean

    left, right = figure.subplots(1, 2)
    transitions = sorted({row["transition"] for row in rows})
    middle = transitions[len(transitions) // 2]
    for kind in ("l2", "trace_norm"):
        own = [row for row in rows if row["kind"] == kind]
        left.plot(
            [row["transition"] for row in own],
            [100 * row["cer_validation"] for row in own],
            "o",
            color=COLORS[kind],
            alpha=0.4,
        )
        left.plot(
            transitions,
            [100 * mean(own, "cer_validation", transition=t) for t in transitions],
            color=COLORS[kind],
            label=LABELS[kind],
        )
        curves = [row["curve"] for row in own if row["transition"] == middle]
        epochs = np.arange(1, len(curves[0]) + 1)
        right.plot(epochs, 100 * np.mean(curves, axis=0), color=COLORS[kind], label=LABELS[kind])
    left.set_xlabel("epoch of the transition")
    left.set_ylabel("final validation CER, %")
    right.axvline(middle + 0.5, color="gray", linestyle=":")
    right.set_xlabel(f"epoch (dotted: transition after epoch {middle})")
    right.set_ylabel("validation CER, %, mean over seeds")
    for axes in (left, right):
        axes.legend()
