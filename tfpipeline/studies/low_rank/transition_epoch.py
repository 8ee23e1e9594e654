"""The study `transition-epoch`: Figure 5 of Kliegl et al. (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "when stage 1 may end, in a fixed number of epochs and with a fixed size (Figure 5)"
COLUMNS = (
    *("kind", "nonrec", "rec", "seed", "epochs", "budget", "transition", "params"),
    *("cer_before", "cer_cut", "cer_validation", "cer_test", "seconds"),
)
_KINDS = ("l2", "trace_norm")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Move the transition of the best setting of each regularizer."""
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.grid import best_runs, grid_runs, transition_epochs
    from tfpipeline.studies.low_rank.runs import TwoStages

    grid = pool.rows(grid_runs(pool.settings), "Stage 1")
    plans = pool.settings.transition_plans
    runs = [
        TwoStages(stage1, epochs, transition, budget)
        for epochs, budget in plans
        for kind in _KINDS
        for transition in transition_epochs(pool.settings, epochs)
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
    claims = [claim for epochs, budget in plans for claim in _claims(rows, epochs, budget)]
    return write_study(
        pool.out,
        pool.about("transition-epoch", command),
        COLUMNS,
        rows,
        claims,
        lambda f: _draw(f, rows, plans),
        (4.5 * (1 + len(plans)), 4.2),
    )


def _planned(rows: list[Row], epochs: int, budget: float) -> list[Row]:
    return [row for row in rows if (row["epochs"], row["budget"]) == (epochs, budget)]


def _claims(rows: list[Row], epochs: int, budget: float) -> list[Claim]:
    """Return what the paper says, for one number of epochs and one size."""
    from tfpipeline.studies.common.claims import Claim, mean

    own = _planned(rows, epochs, budget)
    transitions = sorted({row["transition"] for row in own})
    plan = f"{epochs} epochs, budget {budget:g}"
    claims, jumps = [], {}
    for kind in _KINDS:
        part = {
            t: [r for r in own if (r["kind"], r["transition"]) == (kind, t)] for t in transitions
        }
        errors = {t: mean(part[t], "cer_validation") for t in transitions}
        jumps[kind] = {
            t: mean(part[t], "cer_cut") - mean(part[t], "cer_before") for t in transitions
        }
        found = ", ".join(f"epoch {t}: CER {100 * value:.1f} %" for t, value in errors.items())
        claims += [
            Claim(
                f"{plan}, {kind}: a transition after epoch {t} costs nothing against any other",
                errors[t] <= min(errors.values()) + 0.005,
                found,
            )
            for t in transitions[:-1]
        ]
    claims.append(
        Claim(
            f"{plan}: the error jumps less at the transition after the trace norm than after l2",
            all(jumps["trace_norm"][t] < jumps["l2"][t] for t in transitions),
            "; ".join(
                f"{kind}: " + ", ".join(f"epoch {t} {100 * own[t]:+.1f} %" for t in transitions)
                for kind, own in jumps.items()
            ),
        )
    )
    return claims


def _draw(figure: Any, rows: list[Row], plans: tuple[tuple[int, float], ...]) -> None:
    """Plot the final error by transition for each plan, and by epoch for the first."""
    import numpy as np

    from tfpipeline.studies.common.claims import mean
    from tfpipeline.studies.low_rank.report import COLORS, LABELS

    *finals, curve = figure.subplots(1, len(plans) + 1)
    for axes, (epochs, budget) in zip(finals, plans, strict=True):
        part = _planned(rows, epochs, budget)
        transitions = sorted({row["transition"] for row in part})
        for kind in _KINDS:
            own = [row for row in part if row["kind"] == kind]
            axes.plot(
                [row["transition"] for row in own],
                [100 * row["cer_validation"] for row in own],
                "o",
                color=COLORS[kind],
                alpha=0.4,
            )
            axes.plot(
                transitions,
                [100 * mean(own, "cer_validation", transition=t) for t in transitions],
                color=COLORS[kind],
                label=LABELS[kind],
            )
        axes.set_xlim(0, epochs)
        axes.set_xlabel(f"epoch of the transition, of {epochs}")
        axes.set_title(f"cut to {100 * budget:g} % of the parameters")
        axes.legend()
    finals[0].set_ylabel("final validation CER, %")
    epochs, budget = plans[0]
    first = _planned(rows, epochs, budget)
    transitions = sorted({row["transition"] for row in first})
    middle = transitions[len(transitions) // 2]
    for kind in _KINDS:
        curves = [r["curve"] for r in first if (r["kind"], r["transition"]) == (kind, middle)]
        curve.plot(
            np.arange(1, epochs + 1),
            100 * np.mean(curves, axis=0),
            color=COLORS[kind],
            label=LABELS[kind],
        )
    curve.axvline(middle + 0.5, color="gray", linestyle=":")
    curve.set_xlabel(f"epoch (dotted: transition after epoch {middle})")
    curve.set_ylabel("validation CER, %, mean over seeds")
    curve.legend()
