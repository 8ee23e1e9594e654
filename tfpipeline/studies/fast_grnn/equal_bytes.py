"""The study `equal-bytes`: all cells, each as wide as the same number of bytes allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments
from tfpipeline.studies.fast_grnn.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.pool import Pool
    from tfpipeline.studies.fast_grnn.runs import Training

HELP = "RNN, FastRNN, FastGRNN, UGRNN, GRU, LSTM and QRNN at equal bytes"
COLUMNS = (
    *("model", "units", "rate", "seed", "params", "nonzero", "ledger", "validation", "test"),
    "seconds",
)
# Matrices over the input, matrices over the state, and biases, each times the units.
_SHAPES = {
    "rnn": (1, 1, 1),
    "fast_rnn": (1, 1, 1),
    "fast_grnn": (1, 1, 2),
    "ugrnn": (2, 2, 2),
    "gru": (3, 3, 6),
    "lstm": (4, 4, 4),
    # Two gates, each over two steps of the input.
    "qrnn": (4, 0, 2),
}
COMPRESSED = "fast_grnn, LS"
# Of the compressed one: ranks as shares of the units, and densities; near those of Google-12.
_RANKS, _DENSITY = (0.18, 0.28), 0.35


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train each cell on spoken commands with the width that the budget of bytes allows.

    Bytes are those of the paper's formula. Each cell has the learning rate that was best with the
    first seed, on validation data. FastGRNN is there plain, and with low rank and sparse factors.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.runs import Training

    settings = pool.settings
    features, classes = pool.shape
    runs = {
        cell: Training(
            0, cell, _widest(settings.budget, cell, features, classes), epochs=settings.short
        )
        for cell in _SHAPES
    }
    runs[COMPRESSED] = _compressed(settings.budget, features, classes, settings.short)
    searched = pool.searched(list(runs.values()), "Learning rates")
    pairs = [(model, one) for model, own in zip(runs, searched, strict=True) for one in own]
    found = pool.rows([one for _, one in pairs], "Cells")
    rows: list[Row] = [
        {**row, "model": model} for (model, _), row in zip(pairs, found, strict=True)
    ]
    return write_study(
        pool.out,
        pool.about("equal-bytes", command),
        COLUMNS,
        rows,
        _claims(rows),
        lambda f: _draw(f, rows),
        (8, 4.2),
    )


def _widest(budget: int, cell: str, features: int, classes: int) -> int:
    """Return the most units that fit the budget, at one byte a number."""
    x, h, biases = _SHAPES[cell]

    def size(units: int) -> int:
        return units * (x * features + h * units + biases + classes) + classes + 2

    units = 1
    while size(units + 1) <= budget:
        units += 1
    return units


def _compressed(budget: int, features: int, classes: int, epochs: int) -> Training:
    from math import ceil

    from tfpipeline.studies.fast_grnn.runs import Training

    def ranks(units: int) -> tuple[int, int]:
        first, second = (max(1, round(share * units)) for share in _RANKS)
        return min(first, features), second

    def size(units: int) -> int:
        rank, recurrent = ranks(units)
        factors = (features * rank, rank * units, units * recurrent, recurrent * units)
        # A byte for a value and one for its index.
        kernels = sum(2 * ceil(_DENSITY * numbers) for numbers in factors)
        return kernels + units * (2 + classes) + classes + 2

    units = 1
    while size(units + 1) <= budget:
        units += 1
    rank, recurrent = ranks(units)
    return Training(
        0,
        "fast_grnn",
        units,
        rank=rank,
        recurrent_rank=recurrent,
        density=_DENSITY,
        recurrent_density=_DENSITY,
        epochs=epochs,
    )


def _claims(rows: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean

    models = list(dict.fromkeys(row["model"] for row in rows))
    validation, test = (
        {model: mean(rows, column, model=model) for model in models}
        for column in ("validation", "test")
    )
    numbers = ", ".join(
        f"{model} {100 * test[model]:.1f}" for model in sorted(models, key=lambda m: -validation[m])
    )
    gated = ("ugrnn", "gru", "lstm")
    return [
        Claim(
            "at equal bytes FastGRNN is better than UGRNN, GRU and LSTM",
            all(validation["fast_grnn"] >= validation[model] for model in gated),
            f"test accuracy in %, by validation: {numbers}",
        ),
        Claim(
            "low rank and sparse, and wider, it is better than plain FastGRNN",
            validation[COMPRESSED] >= validation["fast_grnn"],
            f"{100 * test[COMPRESSED]:.1f} against {100 * test['fast_grnn']:.1f} %",
        ),
        Claim(
            "FastRNN is better than an RNN",
            validation["fast_rnn"] > validation["rnn"],
            f"{100 * test['fast_rnn']:.1f} against {100 * test['rnn']:.1f} %",
        ),
    ]


def _draw(figure: Any, rows: list[Row]) -> None:
    from tfpipeline.studies.common.claims import mean

    axes = figure.subplots()
    models = list(dict.fromkeys(row["model"] for row in rows))
    models.sort(key=lambda model: mean(rows, "validation", model=model))
    for place, model in enumerate(models):
        own = [row for row in rows if row["model"] == model]
        axes.plot([100 * row["test"] for row in own], [place] * len(own), "o", color="#33658a")
        axes.plot([100 * mean(own, "test")], [place], "|", color="#c8553d", markersize=16)
    labels = [
        f"{model} ({next(row['units'] for row in rows if row['model'] == model)} units)"
        for model in models
    ]
    axes.set_yticks(range(len(models)), labels)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("test accuracy, %; bars are means")
