"""The study `ternary-or-int8`: two bits for many weights, or eight for few, at equal bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments
from tfpipeline.studies.fast_grnn.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.pool import Pool
    from tfpipeline.studies.fast_grnn.runs import Cut, Training

HELP = "GRUs of ternary and of int8 weights at equal bytes, plain and of low rank"
COLUMNS = (
    *("model", "units", "seed", "params", "validation", "test", "test_file", "test_stream"),
    *("bytes_fused", "us_fused", "us_step_fused", "seconds"),
)
INT8, TERNARY = "int8", "ternary"
INT8_LOW_RANK, TERNARY_LOW_RANK = "int8, low rank", "ternary, low rank"
_COLORS = {INT8: "#33658a", TERNARY: "#c8553d"}
_COLORS |= {INT8_LOW_RANK: "#86bbd8", TERNARY_LOW_RANK: "#e9a178"}
# Of the epochs: before the cut.
_FIRST = 0.6
# Shares of sequences that count as no difference.
_EQUAL = 0.005


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train GRUs of several widths on spoken commands and compare their fused files by bytes.

    Ternary layers are `NormalizedGRU` with TerConnect and weight normalization, trained so from
    the beginning. Models of low rank begin with factors of full rank in float under a trace norm,
    are cut to a number of parameters, and train on with weights of float or ternary factors.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.runs import Deployed
    from tfpipeline.studies.fast_grnn.times import time_files

    plain, whole, cut = _runs(pool)
    pool.rows([*(one for _, one in plain), *whole], "Models")
    runs: list[tuple[str, Training | Cut]] = [*plain, *cut]
    trained = pool.rows([one for _, one in runs], "Cut, and trained on")
    files = pool.rows([Deployed(one) for _, one in runs], "Export")
    first = f"-seed{pool.settings.seeds[0]}"
    times = time_files(pool.files, [one for _, one in runs if one.name.endswith(first)])
    rows: list[Row] = [
        {
            **row,
            **times.get(one.name, {}),
            "model": model,
            "test_file": file["test_fused"],
            "test_stream": file["test_stream"],
            "bytes_fused": file["bytes_fused"],
        }
        for (model, one), row, file in zip(runs, trained, files, strict=True)
    ]
    return write_study(
        pool.out,
        pool.about("ternary-or-int8", command),
        COLUMNS,
        rows,
        _claims(rows),
        lambda f: _draw(f, rows),
        (11, 4.4),
    )


def _runs(
    pool: Pool,
) -> tuple[list[tuple[str, Training]], list[Training], list[tuple[str, Cut]]]:
    """Return models of full rank, the first stages of the others, and these."""
    from tfpipeline.studies.fast_grnn.runs import TERNARY as OPTIONS
    from tfpipeline.studies.fast_grnn.runs import Cut, Training

    settings = pool.settings
    short = settings.short
    plain = [
        (model, one)
        for model, cell, options, widths in (
            (INT8, "gru", (), settings.int8_units),
            (TERNARY, "normalized_gru", OPTIONS, settings.ternary_units),
        )
        for units in widths
        for one in pool.seeds(Training(0, cell, units, options=options, epochs=short))
    ]
    first = max(1, round(_FIRST * short))
    whole = pool.seeds(
        Training(
            0,
            "gru",
            max(settings.ternary_units),
            rank=-1,
            recurrent_rank=-1,
            trace_norm=settings.ternary_trace_norm,
            epochs=first,
        )
    )
    cut = [
        (model, Cut(one, params, max(1, short - first), ternary=model == TERNARY_LOW_RANK))
        for model, sizes in (
            (INT8_LOW_RANK, settings.int8_params),
            (TERNARY_LOW_RANK, settings.ternary_params),
        )
        for params in sizes
        for one in whole
    ]
    return plain, whole, cut


def _curve(rows: list[Row], model: str) -> list[tuple[float, float]]:
    """Return bytes and accuracy of the files, means of the seeds, by bytes."""
    from tfpipeline.studies.common.claims import mean

    own = [row for row in rows if row["model"] == model]
    settings = dict.fromkeys(row["setting"] for row in own)
    points = ([row for row in own if row["setting"] == setting] for setting in settings)
    return sorted((mean(group, "bytes_fused"), mean(group, "test_file")) for group in points)


def _claims(rows: list[Row]) -> list[Claim]:
    import numpy as np

    from tfpipeline.studies.common.claims import Claim

    claims = []
    for ternary, int8 in ((TERNARY, INT8), (TERNARY_LOW_RANK, INT8_LOW_RANK)):
        theirs = _curve(rows, int8)
        sizes, accuracies = zip(*theirs, strict=True)
        # Between two sizes of int8, along the logarithm; beyond them, the nearest one.
        pairs = [
            (size, found, float(np.interp(np.log(size), np.log(sizes), accuracies)))
            for size, found in _curve(rows, ternary)
        ]
        claims.append(
            Claim(
                f"{ternary} is at least as accurate as {int8} in as many bytes",
                all(found >= other - _EQUAL for _, found, other in pairs),
                "; ".join(
                    f"{size / 1024:.1f} KiB: {100 * found:.1f} and {100 * other:.1f} %"
                    for size, found, other in pairs
                ),
            )
        )
    return claims


def _draw(figure: Any, rows: list[Row]) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    for model, color in _COLORS.items():
        own = [row for row in rows if row["model"] == model]
        test = [100 * row["test_file"] for row in own]
        left.plot([row["bytes_fused"] / 1024 for row in own], test, "o", color=color, alpha=0.4)
        curve = _curve(rows, model)
        x, y = zip(*curve, strict=True)
        left.plot([b / 1024 for b in x], [100 * a for a in y], color=color, label=model)
        timed = [row for row in own if row.get("us_step_fused") is not None]
        right.plot(
            [row["us_step_fused"] for row in timed],
            [100 * row["test_file"] for row in timed],
            "o-",
            color=color,
            label=model,
        )
    left.set(xlabel="fused file, KiB", ylabel="test accuracy of the file, %")
    right.set(xlabel="a streamed step, µs")
    left.legend(fontsize=8)
