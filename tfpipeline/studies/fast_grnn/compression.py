"""The study `fast-grnn`: FastGRNN, compressed step by step, beside GRU and LSTM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments
from tfpipeline.studies.fast_grnn.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.pool import Pool
    from tfpipeline.studies.fast_grnn.runs import Training
    from tfpipeline.studies.fast_grnn.settings import Compressed

HELP = "FastGRNN, low rank, sparse and in bytes, beside GRU and LSTM: accuracy, bytes and time"
COLUMNS = (
    *("model", "units", "seed", "rate", "epochs", "params", "nonzero", "ledger", "ledger_float"),
    *("validation", "test", "validation_int8", "test_int8", "test_stream"),
    *("bytes_stock", "bytes", "bytes_fused", "us_stock", "us", "us_fused", "us_step_stock"),
    *("us_step_fused", "seconds"),
)
DENSE, LOW_RANK, SPARSE, BYTES = "FastGRNN", "FastGRNN, L", "FastGRNN, LS", "FastGRNN, LSQ"
PUBLISHED = "FastGRNN, LSQ, as Google-12"
_COLORS = {"GRU": "#6a994e", "LSTM": "#33658a", DENSE: "#e9a03b", LOW_RANK: "#e9a178"}
_MARKS = [step * 10**power for power in range(4) for step in (1, 2, 5)]
_COLORS |= {SPARSE: "#c8553d", BYTES: "#7d1d3f", PUBLISHED: "#14213d"}


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train GRU, LSTM and four forms of FastGRNN on spoken commands, export and time them.

    The letters say what is done: low rank, sparse, and quantized to bytes, which means trained with
    piecewise-linear gates and measured as the fused int8 file. The paper's names say what is
    missing: its FastGRNN-LSQ is the first of these, and its FastGRNN the last.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.runs import Deployed
    from tfpipeline.studies.fast_grnn.times import time_files

    runs = _runs(pool)
    trained = pool.rows([one for _, one in runs], "Models")
    ours = pool.rows([Deployed(one) for _, one in runs], "Export")
    theirs = [one for model, one in runs if model in ("GRU", "LSTM")]
    converted = pool.rows([Deployed(one, stock=True) for one in theirs], "Stock conversion")
    stock = dict(zip(theirs, converted, strict=True))
    first = pool.settings.seeds[0]
    times = time_files(pool.files, [one for _, one in runs if one.seed == first])
    rows: list[Row] = [
        {
            **row,
            **times.get(one.name, {}),
            "model": model,
            "validation_int8": files["validation_fused"],
            "test_int8": files["test_fused"],
            "test_stream": files["test_stream"],
            "bytes": files["bytes"],
            "bytes_fused": files["bytes_fused"],
            "bytes_stock": stock[one]["bytes"] if one in stock else None,
        }
        for (model, one), row, files in zip(runs, trained, ours, strict=True)
    ]
    return write_study(
        pool.out,
        pool.about("fast-grnn", command),
        COLUMNS,
        rows,
        _claims(rows),
        lambda f: _draw(f, rows),
        (13, 4.4),
    )


def _runs(pool: Pool) -> list[tuple[str, Training]]:
    from dataclasses import replace

    from tfpipeline.studies.fast_grnn.runs import Training

    settings, size = pool.settings, pool.settings.compressed
    widest = [Training(0, "gru", settings.gru[-1]), Training(0, "lstm", settings.lstm[-1])]
    gru, lstm = pool.searched(widest, "Learning rates")
    dense = Training(
        0,
        "fast_grnn",
        size.units,
        options=(("h_clip", size.h_clip),),
        rate=settings.compressed_rate,
    )
    low_rank = replace(dense, rank=size.rank, recurrent_rank=size.recurrent_rank)
    sparse = replace(
        low_rank,
        density=size.density,
        recurrent_density=size.recurrent_density,
        epochs=settings.compressed_epochs,
    )
    small = replace(sparse, piecewise=True)
    families = [
        (BYTES, pool.seeds(small)),
        (PUBLISHED, pool.seeds(_published(small, settings.published))),
        *(("GRU", [replace(one, units=units) for one in gru]) for units in settings.gru),
        (SPARSE, pool.seeds(sparse)),
        (LOW_RANK, pool.seeds(low_rank)),
        (DENSE, pool.seeds(dense)),
        *(("LSTM", [replace(one, units=units) for one in lstm]) for units in settings.lstm),
    ]
    return [(model, one) for model, family in families for one in family]


def _published(small: Training, size: Compressed) -> Training:
    from dataclasses import replace

    return replace(
        small,
        units=size.units,
        rank=size.rank,
        recurrent_rank=size.recurrent_rank,
        density=size.density,
        recurrent_density=size.recurrent_density,
    )


def _mean(rows: list[Row], column: str, **having: Any) -> float:
    from tfpipeline.studies.common.claims import mean

    return mean(rows, column, **having)


def _timed(rows: list[Row], column: str) -> float:
    """Return a time, which only the row of the first seed has."""
    return float(next(row[column] for row in rows if row.get(column) is not None))


def _claims(rows: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    small = [row for row in rows if row["model"] == BYTES]
    test, ledger = _mean(small, "test_int8"), _mean(small, "ledger")
    fused = _mean(small, "bytes_fused")
    others = {
        (model, units): [r for r in rows if r["model"] == model and r["units"] == units]
        for model, units in dict.fromkeys(
            (r["model"], r["units"]) for r in rows if r["model"] in ("GRU", "LSTM")
        )
    }
    best = max(others, key=lambda one: _mean(others[one], "validation"))
    rival = others[best]
    validation = _mean(small, "validation_int8")
    widths = sorted(units for model, units in others if model == "GRU")
    as_good = next(
        (u for u in widths if _mean(others["GRU", u], "validation") >= validation), widths[-1]
    )
    gru = others["GRU", as_good]
    us, step = _timed(small, "us_fused"), _timed(small, "us_step_fused")
    stock, stock_step = _timed(gru, "us_stock"), _timed(gru, "us_step_stock")
    return [
        Claim(
            "FastGRNN-LSQ's int8 file is within 1 point of the best of GRU and LSTM in float",
            100 * (_mean(rival, "test") - test) <= 1.0,
            f"{100 * test:.2f} % against {100 * _mean(rival, 'test'):.2f} % "
            f"({best[0]} {best[1]}, best by validation)",
        ),
        Claim(
            "it is 20 times smaller than that model stored in float32, by the paper's count",
            _mean(rival, "ledger_float") >= 20 * ledger,
            f"{ledger:.0f} bytes against {_mean(rival, 'ledger_float'):.0f}, "
            f"{_mean(rival, 'ledger_float') / ledger:.1f} times; "
            f"in int8 {_mean(rival, 'ledger') / ledger:.1f} times",
        ),
        Claim(
            "its fused file takes at most 1.5 times the counted bytes and 2 KB",
            fused <= 1.5 * ledger + 2048,
            f"{fused:.0f} bytes, {ledger:.0f} counted",
        ),
        Claim(
            "its fused step takes a third of the time of the narrowest stock-converted GRU that is "
            "as accurate on validation data, or less",
            3 * step <= stock_step and 3 * us <= stock,
            f"GRU {as_good}: a step {stock_step:.2f} against {step:.2f} µs, an utterance "
            f"{stock:.0f} against {us:.1f} µs",
        ),
    ]


def _draw(figure: Any, rows: list[Row]) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    for model, color in _COLORS.items():
        own = [row for row in rows if row["model"] == model]
        look = {"color": color, "marker": "o", "linestyle": "none", "alpha": 0.6}
        test = [100 * row["test_int8"] for row in own]
        left.plot([row["bytes_fused"] / 1024 for row in own], test, label=model, **look)
        timed = [row for row in own if row.get("us_fused") is not None]
        means = [100 * _mean(own, "test_int8", units=row["units"]) for row in timed]
        right.plot([row["us_fused"] for row in timed], means, label=f"{model}, fused", **look)
        stock = [row for row in timed if row.get("us_stock") is not None]
        right.plot(
            [row["us_stock"] for row in stock],
            [100 * _mean(own, "test_int8", units=row["units"]) for row in stock],
            **{**look, "marker": "x"},
            label=f"{model}, stock converter" if stock else None,
        )
    for axes, label in ((left, "fused int8 file, KiB"), (right, "an utterance of 1 s, µs")):
        axes.set_xscale("log")
        axes.set_xlabel(label)
        # Labels of a logarithmic axis of one decade cover each other.
        low, high = axes.get_xlim()
        marks = [mark for mark in _MARKS if low <= mark <= high]
        axes.set_xticks(marks, [f"{mark:g}" for mark in marks])
        axes.set_xticks([], minor=True)
    right.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    left.set_ylabel("test accuracy of the int8 file, %")
