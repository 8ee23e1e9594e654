"""The study `embedding-retraining`: how accuracy comes back after a table was factored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.embeddings.options import add_arguments as add_arguments
from tfpipeline.studies.embeddings.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.embeddings.pool import Pool

HELP = "validation accuracy by minibatch after a table was factored, beside 8 and 16 bits"
COLUMNS = ("model", "reduction", "seed", "batch", "validation")
LINE_COLUMNS = ("model", "bits", "validation")
_LINES = {32: "whole", 16: "16 bits", 8: "8 bits"}
_LOST = 0.02
_COLORS = ("#33658a", "#6a994e", "#e9a03b", "#c8553d", "#7d1d3f", "#14213d")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Factor the tables of trained models, train on, and watch the validation accuracy.

    Figure 3 of Acharya et al. (2019), for each share of the table that goes, beside models that
    were trained as long and stay whole, and these in 8 and 16 bits.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.embeddings.plan import first_stages, smaller, whole, with_seed
    from tfpipeline.studies.embeddings.runs import RANK

    settings = pool.settings
    cut = [
        (reduction, with_seed(smaller(settings, model, (RANK, reduction)), seed))
        for model in settings.models
        for reduction in settings.reductions
        for seed in settings.seeds
    ]
    kept = [
        with_seed(whole(settings, model), seed)
        for model in settings.models
        for seed in settings.seeds
    ]
    pool.rows(first_stages([one for _, one in cut]), "First stages")
    found = pool.rows([one for _, one in cut], "Factored tables")
    rows: list[Row] = [
        {
            **{"model": row["model"], "reduction": reduction, "seed": row["seed"]},
            **{"batch": batch, "validation": validation},
        }
        for (reduction, _), row in zip(cut, found, strict=True)
        for batch, validation in row["watched"]
    ]
    lines = _lines(pool.rows(kept, "Whole tables"))
    return write_study(
        pool.out,
        pool.about("embedding-retraining", command),
        COLUMNS,
        rows,
        _claims(rows, lines),
        lambda f: _draw(f, rows, lines, settings.models),
        (12, 4.6),
        further={"lines": (LINE_COLUMNS, lines)},
    )


def _lines(rows: list[Row]) -> list[Row]:
    """Return the accuracy of whole models by their bits, means of the seeds."""
    found = []
    for model in dict.fromkeys(row["model"] for row in rows):
        for bits in _LINES:
            own = [
                entry["validation"]
                for row in rows
                if row["model"] == model
                for entry in row["rounded"]
                if entry["bits"] == bits and entry["scope"] == "all"
            ]
            if own:
                found.append({"model": model, "bits": bits, "validation": sum(own) / len(own)})
    return found


def _curve(rows: list[Row], model: str, reduction: float) -> list[tuple[int, float]]:
    """Return batches and the mean of the seeds."""
    from tfpipeline.studies.common.claims import mean

    own = [row for row in rows if row["model"] == model and row["reduction"] == reduction]
    batches = dict.fromkeys(row["batch"] for row in own)
    return [(batch, mean(own, "validation", batch=batch)) for batch in batches]


def _claims(rows: list[Row], lines: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    claims = []
    for model in dict.fromkeys(row["model"] for row in rows):
        flat = {line["bits"]: line["validation"] for line in lines if line["model"] == model}
        reductions = dict.fromkeys(row["reduction"] for row in rows)
        curves = {one: _curve(rows, model, one) for one in reductions}
        numbers = ", ".join(
            f"-{100 * one:g} %: {100 * curve[0][1]:.1f} to {100 * max(v for _, v in curve):.1f}"
            for one, curve in curves.items()
        )
        said = f"{numbers}; whole {100 * flat[32]:.1f} %"
        claims += [
            Claim(
                f"{model}: right after the cut it is below the whole model, at every reduction",
                all(curve[0][1] < flat[32] for curve in curves.values()),
                said,
            ),
            Claim(
                f"{model}: trained on it comes within 2 % of the whole model, at every reduction",
                all(
                    max(value for _, value in curve) >= (1 - _LOST) * flat[32]
                    for curve in curves.values()
                ),
                said,
            ),
        ]
        if 8 in flat:
            claims.append(
                Claim(
                    f"{model}: trained on it is at least as good as 8 bits, at every reduction",
                    all(max(v for _, v in curve) >= flat[8] for curve in curves.values()),
                    f"{numbers}; 8 bits {100 * flat[8]:.1f} %",
                )
            )
    return claims


def _draw(figure: Any, rows: list[Row], lines: list[Row], models: tuple[str, ...]) -> None:
    grid = figure.subplots(1, len(models), squeeze=False)[0]
    for axes, model in zip(grid, models, strict=True):
        reductions = dict.fromkeys(row["reduction"] for row in rows)
        for reduction, color in zip(reductions, _COLORS, strict=False):
            batches, values = zip(*_curve(rows, model, reduction), strict=True)
            label = f"-{100 * reduction:g} %"
            axes.plot(batches, [100 * value for value in values], color=color, label=label)
        for line, style in zip(
            (line for line in lines if line["model"] == model), ("-", "--", ":"), strict=False
        ):
            axes.axhline(
                100 * line["validation"],
                color="black",
                linestyle=style,
                linewidth=0.8,
                label=_LINES[line["bits"]],
            )
        axes.set(title=model, xlabel="minibatches after the cut")
        axes.grid(alpha=0.3)
    grid[0].set_ylabel("validation accuracy, %")
    grid[-1].legend(fontsize=8)
