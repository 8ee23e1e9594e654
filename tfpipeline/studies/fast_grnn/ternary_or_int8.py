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
    *("model", "units", "trace_norm", "seed", "params", "validation", "test"),
    *("test_file", "test_stream"),
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
    are cut to a number of parameters, and train on with weights of float or ternary factors; for
    each of them the strength is that of the best mean accuracy on validation data. Rows of the
    others have no file.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.runs import Deployed
    from tfpipeline.studies.fast_grnn.times import time_files

    plain, cut = _plain(pool), _low_rank(pool)
    firsts = list(dict.fromkeys(one.run for _, one in cut))
    pool.rows([*(one for _, one in plain), *firsts], "Models")
    runs: list[tuple[str, Training | Cut]] = [*plain, *cut]
    trained = pool.rows([one for _, one in runs], "Cut, and trained on")
    rows: list[Row] = [
        {**row, "model": model} for (model, _), row in zip(runs, trained, strict=True)
    ]
    kept = _best(runs, rows)
    chosen = [(one, row) for (_, one), row in zip(runs, rows, strict=True) if one in kept]
    files = pool.rows([Deployed(one) for one, _ in chosen], "Export")
    first = f"-seed{pool.settings.seeds[0]}"
    times = time_files(pool.files, [one for one, _ in chosen if one.name.endswith(first)])
    for (one, row), file in zip(chosen, files, strict=True):
        row |= {
            **times.get(one.name, {}),
            "test_file": file["test_fused"],
            "test_stream": file["test_stream"],
            "bytes_fused": file["bytes_fused"],
        }
    return write_study(
        pool.out,
        pool.about("ternary-or-int8", command),
        COLUMNS,
        rows,
        _claims(rows),
        lambda f: _draw(f, rows),
        (11, 4.4),
    )


def _plain(pool: Pool) -> list[tuple[str, Training]]:
    from tfpipeline.studies.fast_grnn.runs import TERNARY as OPTIONS
    from tfpipeline.studies.fast_grnn.runs import Training

    settings = pool.settings
    return [
        (model, one)
        for model, cell, options, widths in (
            (INT8, "gru", (), settings.int8_units),
            (TERNARY, "normalized_gru", OPTIONS, settings.ternary_units),
        )
        for units in widths
        for one in pool.seeds(Training(0, cell, units, options=options, epochs=settings.short))
    ]


def _low_rank(pool: Pool) -> list[tuple[str, Cut]]:
    from tfpipeline.studies.fast_grnn.runs import Cut, Training

    settings = pool.settings
    first = max(1, round(_FIRST * settings.short))
    rest = max(1, settings.short - first)
    units = max(settings.ternary_units)
    sizes = [(INT8_LOW_RANK, params) for params in settings.int8_params]
    sizes += [(TERNARY_LOW_RANK, params) for params in settings.ternary_params]
    return [
        (model, Cut(one, params, rest, ternary=model == TERNARY_LOW_RANK))
        for strength in settings.ternary_trace_norms
        for model, params in sizes
        for one in pool.seeds(
            Training(
                *(0, "gru", units),
                rank=-1,
                recurrent_rank=-1,
                trace_norm=strength,
                epochs=first,
            )
        )
    ]


def _best(runs: list[tuple[str, Training | Cut]], rows: list[Row]) -> set[Training | Cut]:
    """Return the runs that have a file: of each model and size, one strength of the trace norm."""
    import numpy as np

    from tfpipeline.studies.fast_grnn.runs import Cut

    kept: set[Training | Cut] = {one for _, one in runs if not isinstance(one, Cut)}
    found: dict[tuple[str, int], dict[float, list[tuple[Cut, float]]]] = {}
    for (model, one), row in zip(runs, rows, strict=True):
        if isinstance(one, Cut):
            same = found.setdefault((model, one.params), {})
            same.setdefault(one.run.trace_norm, []).append((one, row["validation"]))
    for by_strength in found.values():
        best = max(by_strength.values(), key=lambda pairs: np.mean([v for _, v in pairs]))
        kept.update(one for one, _ in best)
    return kept


def _curve(rows: list[Row], model: str) -> list[tuple[float, float]]:
    """Return bytes and accuracy of the files, means of the seeds, by bytes."""
    from tfpipeline.studies.common.claims import mean

    own = [row for row in rows if row["model"] == model and "test_file" in row]
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
        own = [row for row in rows if row["model"] == model and "test_file" in row]
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
