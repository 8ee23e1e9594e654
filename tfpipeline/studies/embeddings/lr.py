"""The study `lr`: CALR and CLR against other learning rates, on sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.embeddings.options import add_arguments as add_arguments
from tfpipeline.studies.embeddings.options import pooled
from tfpipeline.studies.embeddings.settings import SCHEDULES

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.embeddings.pool import Pool
    from tfpipeline.studies.embeddings.runs import Training

HELP = "CALR and CLR against constant, step, cosine, SGDR, Adagrad and Adam"
COLUMNS = ("model", "schedule", "rate", "seed", "validation", "test", "loss", "seconds")
CURVE_COLUMNS = ("model", "schedule", "rate", "epoch", "loss", "validation")
_COLORS = ("#c8553d", "#e9a178", "#e9a03b", "#808080", "#6a994e", "#33658a", "#86bbd8")
_STYLES = dict(zip(SCHEDULES, (*_COLORS, "#7d1d3f", "#14213d"), strict=True))


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train an LSTM and a deep averaging network with each schedule.

    Each has the highest rate that was best with the first seed, on validation data; then all seeds
    are trained with it. Curves are means of the seeds.
    """
    from tfpipeline.studies.common.written_study import write_study

    chosen = _chosen(pool)
    found = pool.rows([one for own in chosen for one in own], "Learning rates")
    rows: list[Row] = [{**row, "loss": row["losses"][-1]} for row in found]
    curves = _curves(rows)
    return write_study(
        pool.out,
        pool.about("lr", command),
        COLUMNS,
        rows,
        _claims(rows, pool.settings.models),
        lambda f: _draw(f, curves, pool.settings.models),
        (11, 7),
        further={"curves": (CURVE_COLUMNS, curves)},
    )


def _chosen(pool: Pool) -> list[list[Training]]:
    """Return each schedule of each model with its best rate and all seeds."""
    from dataclasses import replace

    from tfpipeline.studies.embeddings.runs import Training

    settings = pool.settings
    trials = [
        [
            Training(settings.seeds[0], model, settings.lr_epochs, schedule=schedule, rate=rate)
            for rate in settings.rates_of(schedule)
        ]
        for model in settings.models
        for schedule in SCHEDULES
    ]
    tried = pool.rows([one for trial in trials for one in trial], "Highest rates")
    validation = {row["run"]: row["validation"] for row in tried}
    best = [max(trial, key=lambda one: validation[one.name]) for trial in trials]
    return [[replace(one, seed=seed) for seed in settings.seeds] for one in best]


def _curves(rows: list[Row]) -> list[Row]:
    """Return loss and validation accuracy after each epoch, means of the seeds."""
    found = []
    for key in dict.fromkeys((row["model"], row["schedule"], row["rate"]) for row in rows):
        own = [row for row in rows if (row["model"], row["schedule"], row["rate"]) == key]
        for epoch in range(len(own[0]["losses"])):
            means = {
                "loss": sum(row["losses"][epoch] for row in own) / len(own),
                # The first one is before training.
                "validation": sum(row["watched"][epoch + 1][1] for row in own) / len(own),
            }
            found.append({**dict(zip(CURVE_COLUMNS, (*key, epoch + 1), strict=False)), **means})
    return found


def _claims(rows: list[Row], models: tuple[str, ...]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean

    claims = []
    for model in models:
        test, validation = (
            {name: mean(rows, column, model=model, schedule=name) for name in SCHEDULES}
            for column in ("test", "validation")
        )
        ranked = sorted(SCHEDULES, key=lambda name: -validation[name])
        numbers = ", ".join(f"{name} {100 * test[name]:.1f}" for name in ranked)
        claims.append(
            Claim(
                f"{model}: CALR is the best of all schedules on validation data",
                ranked[0] in ("calr", "calr_published"),
                f"test accuracy in %, by validation: {numbers}",
            )
        )
        claims += [
            Claim(
                f"{model}: CALR is at least as good as {rival} on validation data",
                validation["calr"] >= validation[rival],
                f"{100 * validation['calr']:.1f} against {100 * validation[rival]:.1f} %, "
                f"{100 * test['calr']:.1f} against {100 * test[rival]:.1f} on test data",
            )
            for rival in ("clr", "constant", "adagrad", "adam")
        ]
    return claims


def _draw(figure: Any, curves: list[Row], models: tuple[str, ...]) -> None:
    grid = figure.subplots(2, len(models), sharex=True, squeeze=False)
    for place, model in enumerate(models):
        for axes, column, factor in zip(
            grid[:, place], ("loss", "validation"), (1.0, 100.0), strict=True
        ):
            for schedule, color in _STYLES.items():
                own = [r for r in curves if r["model"] == model and r["schedule"] == schedule]
                values = [factor * row[column] for row in own]
                axes.plot([row["epoch"] for row in own], values, color=color, label=schedule)
            axes.grid(alpha=0.3)
        grid[0][place].set_title(model)
        grid[1][place].set_xlabel("epoch")
    grid[0][0].set_ylabel("training loss")
    grid[1][0].set_ylabel("validation accuracy, %")
    grid[0][0].legend(fontsize=7, ncols=2)
