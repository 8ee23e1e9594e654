"""The study `block-sparsity`: which zeros cost what, and which save time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.pool_options import pooled_by
from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.digits_pool import Pool

HELP = "zeros in 8x4 blocks against single zeros in a GRU: accuracy, bytes and time"
COLUMNS = (
    *("model", "density", "seed", "params", "nonzero", "validation", "test", "test_int8"),
    *("test_stream", "bytes", "bytes_fused", "us_fused", "us_step_fused"),
)
DENSE, SINGLE, BLOCKS = "dense", "single zeros", "blocks of 8 x 4"
RECURRENT = "blocks in the recurrent kernel only"
_BLOCK = {SINGLE: None, BLOCKS: (8, 4)}
_COLORS = {DENSE: "#6a994e", SINGLE: "#33658a", BLOCKS: "#c8553d", RECURRENT: "#e9a178"}
#: Rows of pixels that are read one after another: each is a step.
_ROW = 8


@pooled_by("tfpipeline.studies.fast_grnn.digits_pool")
def run(pool: Pool, command: str) -> StudyResult:
    """Train a GRU on digits read row by row, dense and thresholded at several densities.

    Both of its matrices keep the same share of their weights, single ones or 8x4 blocks; the kernel
    of 8 features is two blocks wide, so there are models that have blocks in the other one only.
    `density` is that of the recurrent kernel. The files have one scale a matrix. Of single zeros
    the fused one stores a mask of bits, and of blocks only those that are not zero, which its
    kernels then multiply.
    """
    from dataclasses import replace

    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.runs import DIGITS, Deployed, Training
    from tfpipeline.studies.fast_grnn.times import time_files

    settings = pool.settings
    dense = Training(
        0, "gru", settings.pruned_units, DIGITS, stacked=_ROW, epochs=settings.pruned_epochs
    )
    kinds = [(DENSE, dense)] + [
        (model, replace(dense, density=share, recurrent_density=share, block=block))
        for model, block in _BLOCK.items()
        for share in settings.densities
    ]
    kinds += [
        (RECURRENT, replace(dense, recurrent_density=share, block=_BLOCK[BLOCKS]))
        for share in settings.densities
    ]
    runs = [(model, one) for model, kind in kinds for one in pool.seeds(kind)]
    trained = pool.rows([one for _, one in runs], "Models")
    files = pool.rows([Deployed(one) for _, one in runs], "Export")
    first = settings.seeds[0]
    times = time_files(pool.files, [one for _, one in runs if one.seed == first])
    rows: list[Row] = [
        {
            **row,
            **times.get(one.name, {}),
            "model": model,
            "density": one.recurrent_density,
            "test_int8": file["test_fused"],
            "test_stream": file["test_stream"],
            "bytes": file["bytes"],
            "bytes_fused": file["bytes_fused"],
        }
        for (model, one), row, file in zip(runs, trained, files, strict=True)
    ]
    return write_study(
        pool.out,
        pool.about("block-sparsity", command),
        COLUMNS,
        rows,
        _claims(rows, settings.densities),
        lambda f: _draw(f, rows),
        (11, 4.4),
    )


def _claims(rows: list[Row], densities: tuple[float, ...]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean, spread

    def of(model: str, column: str, share: float = 1.0) -> float:
        return mean(rows, column, model=model, density=share)

    def step(model: str, share: float = 1.0) -> float:
        own = [row for row in rows if row["model"] == model and row["density"] == share]
        return float(next(row["us_step_fused"] for row in own if "us_step_fused" in row))

    def tests(model: str, share: float = 1.0) -> str:
        own = [row for row in rows if row["model"] == model and row["density"] == share]
        return spread([row["test_int8"] for row in own])

    lowest, dense_step = min(densities), step(DENSE)
    lost = {
        model: max(
            of(SINGLE, "test_int8", share) - of(model, "test_int8", share) for share in densities
        )
        for model in (BLOCKS, RECURRENT)
    }
    sizes = {
        share: of(BLOCKS, "bytes_fused", share) / of(SINGLE, "bytes_fused", share)
        for share in densities
    }
    faster = {m: dense_step / step(m, lowest) for m in _BLOCK}
    return [
        *(
            Claim(
                f"at each density {model} cost no more than a point of accuracy against single "
                "zeros",
                lost[model] <= 0.01,
                "; ".join(
                    f"{share:g}: {tests(model, share)} against {tests(SINGLE, share)} %"
                    for share in densities
                )
                + f"; dense {tests(DENSE)} %",
            )
            for model in lost
        ),
        Claim(
            "the fused file without blocks is smaller than that with a mask",
            max(sizes.values()) < 1.0,
            ", ".join(f"{share:g}: {ratio:.2f} times" for share, ratio in sizes.items()),
        ),
        Claim(
            "only blocks save time",
            faster[BLOCKS] >= 1.2 and faster[SINGLE] <= 1.1,
            f"a streamed step of the dense file {dense_step:.2f} µs; at density {lowest:g} "
            f"{step(BLOCKS, lowest):.2f} with blocks, {step(SINGLE, lowest):.2f} with single "
            f"zeros; with blocks at the others "
            + ", ".join(f"{share:g}: {step(BLOCKS, share):.2f}" for share in densities[:-1]),
        ),
    ]


def _draw(figure: Any, rows: list[Row]) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    steps = {(r["model"], r["density"]): r["us_step_fused"] for r in rows if "us_step_fused" in r}
    for model, color in _COLORS.items():
        own = [row for row in rows if row["model"] == model]
        shares = sorted({row["density"] for row in own})
        look = {"color": color, "marker": "o", "alpha": 0.6}
        groups = [[row for row in own if row["density"] == share] for share in shares]
        means = [100 * sum(r["test_int8"] for r in group) / len(group) for group in groups]
        sizes = [sum(r["bytes_fused"] for r in group) / len(group) / 1024 for group in groups]
        times = [steps[model, share] for share in shares]
        for axes, places in ((left, sizes), (right, times)):
            axes.plot(places, means, label=model, **look)
            for place, group in zip(places, groups, strict=True):
                tests = [100 * row["test_int8"] for row in group]
                axes.plot([place] * len(tests), tests, color=color, marker="_", linestyle="none")
        for share, place, mean in zip(shares, times, means, strict=True):
            right.annotate(f" {share:g}", (place, mean), fontsize=7)
    left.set(xlabel="fused int8 file, KiB", ylabel="test accuracy of the int8 file, %")
    left.set_xscale("log")
    right.set(xlabel="a streamed step, µs; numbers: density")
    right.legend(fontsize=8)
