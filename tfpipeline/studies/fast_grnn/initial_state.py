"""The study `initial-state`: what a trained model makes of random first states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments
from tfpipeline.studies.fast_grnn.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.pool import Pool

HELP = "accuracy of FastRNN, FastGRNN and GRU that begin with random states"
COLUMNS = ("data", "cell", "trained_from", "seed", "test", "mean", "least", "most")
CELLS = ("fast_rnn", "fast_grnn", "gru")
ZEROS, DRAWN = "zeros", "random states"
_COLORS = ("#c8553d", "#33658a", "#6a994e")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Test trained models with three states from N(0, 1) each, on the longest sequences.

    A reply of the authors to a review has 92.08 % with a deviation of 0.09 for FastRNN on
    Google-12, and does not say whether that model was trained from such states. So there are models
    that always began with zeros, and models whose training began with random states.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.runs import FirstStates, Training

    runs = []
    for data, units in pool.settings.units:
        epochs = pool.settings.short if data == "commands" else 0
        for cell in CELLS:
            for drawn in (False, True):
                one = Training(0, cell, units, data, epochs=epochs, random_start=drawn)
                runs += pool.seeds(one)
    pool.rows(runs, "Models")
    found = pool.rows([FirstStates(one) for one in runs], "First states")
    rows: list[Row] = [
        {
            **row,
            "data": one.data,
            "cell": one.cell,
            "trained_from": DRAWN if one.random_start else ZEROS,
            "mean": sum(row["drawn"]) / len(row["drawn"]),
            "least": min(row["drawn"]),
            "most": max(row["drawn"]),
        }
        for one, row in zip(runs, found, strict=True)
    ]
    return write_study(
        pool.out,
        pool.about("initial-state", command),
        COLUMNS,
        rows,
        _claims(rows),
        lambda f: _draw(f, rows),
        (8, 4),
    )


def _of(rows: list[Row], data: str, cell: str, start: str) -> list[Row]:
    wanted = (data, cell, start)
    return [row for row in rows if (row["data"], row["cell"], row["trained_from"]) == wanted]


def _claims(rows: list[Row]) -> list[Claim]:
    import numpy as np

    from tfpipeline.studies.common.claims import Claim

    claims = []
    for start in (ZEROS, DRAWN):
        for data in dict.fromkeys(row["data"] for row in rows):
            for cell in CELLS:
                own = _of(rows, data, cell, start)
                # Within a model: models of different seeds differ anyway.
                deviation = 100 * float(np.mean([np.std(row["drawn"]) for row in own]))
                changed = 100 * float(np.mean([row["mean"] - row["test"] for row in own]))
                claims.append(
                    Claim(
                        f"{cell} trained from {start} hardly depends on its first state ({data})",
                        deviation <= 0.3 and abs(changed) <= 0.5,
                        f"deviation of a model's draws {deviation:.2f} points, mean change against "
                        f"zeros {changed:+.2f}",
                    )
                )
    return claims


def _draw(figure: Any, rows: list[Row]) -> None:
    kinds = list(dict.fromkeys(row["data"] for row in rows))
    for axes, data in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        for place, (cell, color) in enumerate(zip(CELLS, _COLORS, strict=True)):
            for side, start in ((-0.2, ZEROS), (0.2, DRAWN)):
                for shift, row in enumerate(_of(rows, data, cell, start)):
                    x = place + side + 0.09 * (shift - 1)
                    drawn = [100 * value for value in row["drawn"]]
                    fill = {} if start == ZEROS else {"markerfacecolor": "white"}
                    axes.plot([x] * len(drawn), drawn, "o", color=color, markersize=5, **fill)
                    axes.plot([x], [100 * row["test"]], "k_", markersize=10)
        axes.set_xticks(range(len(CELLS)), CELLS)
        axes.set_title(
            f"{data}; trained from zeros: full, from draws: white\nbars: tested from zeros",
            fontsize=9,
        )
        axes.set_ylabel("test accuracy, %")
