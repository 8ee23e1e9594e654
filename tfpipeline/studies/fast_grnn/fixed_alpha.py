"""The study `fixed-alpha`: for which alpha FastRNN learns when alpha itself does not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments
from tfpipeline.studies.fast_grnn.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.pool import Pool

HELP = "accuracy of FastRNN with a fixed alpha and beta = 1 - alpha"
COLUMNS = ("data", "steps", "alpha", "seed", "validation", "test", "seconds")
# Of the trained one: what counts as learning, and as having learned next to nothing.
_LEARNS, _FAILS = 0.9, 0.5


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train FastRNN with each alpha on the longest sequences, and once with a trained one.

    The paper finds that up to 0.005 only the bias learns, and that 0.005 to 0.08 do well.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.alpha_beta import trainings
    from tfpipeline.studies.fast_grnn.runs import Training

    runs, settings = [], pool.settings
    for data, units in settings.units:
        epochs = settings.short if data == "commands" else 0
        for alpha in settings.alphas:
            options = (
                ("tie_beta", True),
                ("trainable_alpha", False),
                ("alpha_init", round(math.log(alpha / (1 - alpha)), 6)),
            )
            runs += pool.seeds(Training(0, "fast_rnn", units, data, options=options, epochs=epochs))
    # The row's alpha is a sigmoid of a rounded logit.
    rows: list[Row] = [
        {**row, "alpha": min(settings.alphas, key=lambda one: abs(one - row["alpha"]))}
        for row in pool.rows(runs, "Fixed alpha")
    ]
    trained = {
        data: pool.rows(trainings(pool, data, "tied", 1), "Trained alpha")
        for data, _ in settings.units
    }
    return write_study(
        pool.out,
        pool.about("fixed-alpha", command),
        COLUMNS,
        rows,
        [claim for data in trained for claim in _claims(rows, data, trained[data])],
        lambda f: _draw(f, rows, trained),
        (7, 4.4),
    )


def _accuracies(rows: list[Row], data: str) -> dict[float, float]:
    from tfpipeline.studies.common.claims import mean

    own = [row for row in rows if row["data"] == data]
    alphas = sorted({row["alpha"] for row in own})
    return {alpha: mean(own, "test", alpha=alpha) for alpha in alphas}


def _claims(rows: list[Row], data: str, trained: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    found = _accuracies(rows, data)
    best = sum(row["test"] for row in trained) / len(trained)
    learned = sum(row["alpha"] for row in trained) / len(trained)
    numbers = ", ".join(f"{100 * value:.1f} % at {alpha:g}" for alpha, value in found.items())
    numbers += f"; trained {100 * best:.1f} %, at {learned:.3f}"
    between = [value for alpha, value in found.items() if 0.005 < alpha <= 0.08]
    return [
        Claim(
            f"alpha from 0.01 to 0.08 learns, to {100 * _LEARNS:.0f} % of the trained accuracy "
            f"({data})",
            min(between) >= _LEARNS * best,
            numbers,
        ),
        Claim(
            f"alpha below 0.005 learns less than half of it ({data})",
            max(value for alpha, value in found.items() if alpha < 0.005) < _FAILS * best,
            numbers,
        ),
    ]


def _draw(figure: Any, rows: list[Row], trained: dict[str, list[Row]]) -> None:
    axes = figure.subplots()
    for (data, own), color in zip(trained.items(), ("#c8553d", "#33658a"), strict=False):
        fixed = [row for row in rows if row["data"] == data]
        axes.plot(
            [row["alpha"] for row in fixed],
            [100 * row["test"] for row in fixed],
            "o",
            color=color,
            alpha=0.4,
        )
        curve = _accuracies(rows, data)
        axes.plot(list(curve), [100 * v for v in curve.values()], color=color, label=data)
        axes.plot(
            [row["alpha"] for row in own],
            [100 * row["test"] for row in own],
            "*",
            markersize=11,
            color=color,
            label=f"{data}, trained alpha",
        )
    axes.axvspan(
        0.005, 0.08, color="gray", alpha=0.15, label="where the paper finds that it learns"
    )
    axes.set_xscale("log")
    axes.set_xlabel("alpha")
    axes.set_ylabel("test accuracy, %")
    axes.legend(fontsize=8)
