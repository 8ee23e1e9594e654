"""The study `qrnn-compression`: FastGRNN's three principles on QRNN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments
from tfpipeline.studies.fast_grnn.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.pool import Pool

HELP = "QRNN with low rank, sparse factors and bytes: accuracy, size and time"
COLUMNS = (
    *("model", "seed", "params", "nonzero", "ledger", "ledger_float", "validation", "test"),
    *("test_int8", "bytes_fused", "us", "us_fused"),
)
DENSE, LOW_RANK, SPARSE, BYTES = "QRNN", "QRNN, L", "QRNN, LS", "QRNN, LSQ"


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train QRNN (f-pooling, a window of two steps) dense, low rank, sparse, and for bytes.

    The authors of FastGRNN expect 3 to 20 times the speed from it, which nobody has measured.
    """
    from dataclasses import replace

    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.runs import Deployed, Training
    from tfpipeline.studies.fast_grnn.times import time_files

    size = pool.settings.qrnn
    dense = Training(0, "qrnn", size.units)
    low_rank = replace(dense, rank=size.rank)
    sparse = replace(low_rank, density=size.density)
    kinds = {
        DENSE: dense,
        LOW_RANK: low_rank,
        SPARSE: sparse,
        BYTES: replace(sparse, piecewise=True),
    }
    runs = [(model, one) for model, kind in kinds.items() for one in pool.seeds(kind)]
    trained = pool.rows([one for _, one in runs], "QRNN")
    files = pool.rows([Deployed(one) for _, one in runs], "Export")
    first = pool.settings.seeds[0]
    times = time_files(pool.files, [one for _, one in runs if one.seed == first])
    rows: list[Row] = [
        {
            **row,
            **times.get(one.name, {}),
            "model": model,
            "test_int8": file["test_fused"],
            "bytes_fused": file["bytes_fused"],
        }
        for (model, one), row, file in zip(runs, trained, files, strict=True)
    ]
    return write_study(
        pool.out,
        pool.about("qrnn-compression", command),
        COLUMNS,
        rows,
        _claims(rows),
        lambda f: _draw(f, rows),
        (7, 4.2),
    )


def _claims(rows: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean

    dense, small = ([row for row in rows if row["model"] == model] for model in (DENSE, BYTES))
    lost = 100 * (mean(dense, "test") - mean(small, "test_int8"))
    products = mean(dense, "nonzero") / mean(small, "nonzero")
    smaller = mean(dense, "ledger_float") / mean(small, "ledger")
    first, last = dense[0], small[0]
    faster = first["us_fused"] / last["us_fused"]
    return [
        Claim(
            "low rank, sparse and in bytes, QRNN loses at most 2 points",
            lost <= 2.0,
            f"test {100 * mean(dense, 'test'):.1f} to {100 * mean(small, 'test_int8'):.1f} %",
        ),
        Claim(
            "it has a third to a twentieth of the multiplications that are not by zero",
            3 <= products <= 20,
            f"{products:.1f} times fewer; {smaller:.1f} times smaller by the paper's formula",
        ),
        Claim(
            "it runs 3 to 20 times as fast (fused int8 file against that of the dense model, x86)",
            3 <= faster <= 20,
            f"{first['us_fused']:.1f} against {last['us_fused']:.1f} µs an utterance, "
            f"{faster:.2f} times; the dense model's portable file {first['us']:.1f} µs",
        ),
    ]


def _draw(figure: Any, rows: list[Row]) -> None:
    axes = figure.subplots()
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        axes.plot(
            [row["ledger" if model == BYTES else "ledger_float"] / 1024 for row in own],
            [100 * row["test_int8" if model == BYTES else "test"] for row in own],
            "o",
            label=model,
        )
    axes.set_xscale("log")
    axes.set_xlabel("KB by the paper's formula; float32 but for LSQ")
    axes.set_ylabel("test accuracy, %")
    axes.legend()
