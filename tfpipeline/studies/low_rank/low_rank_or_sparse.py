"""The study `low-rank-or-sparse`: Figure 8 of Kliegl et al. (2018), and its cost on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_rank.pool import Pool
    from tfpipeline.studies.low_rank.runs import Stage1

HELP = "low rank, sparse and narrow models: error rate by parameters, bytes and time (Figure 8)"
COLUMNS = (
    *("family", "setting", "seed", "params", "nonzero", "cer_validation", "cer_test"),
    *("cer_int8_validation", "cer_int8_test", "bytes", "bytes_zipped", "bytes_fused"),
    *("us_portable", "us_fused"),
)
SEARCH_COLUMNS = (
    *("family", "width", "sparsity", "kind", "nonrec", "rec", "seed", "params", "nonzero"),
    *("cer_validation", "cer_test", "chosen"),
)
FAMILIES = {
    "narrow": "narrower plain models, ℓ2 searched",
    "sparse": "pruned plain models, ℓ2 searched",
    "low rank": "trace norm, cut early, as many epochs",
    "low rank, late": "trace norm, cut after them, short stage 2",
}
_COLORS = {
    "narrow": "#6a994e",
    "sparse": "#33658a",
    "low rank": "#c8553d",
    "low rank, late": "#e9a178",
}


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train families of small models and export each as int8.

    Each narrow and each pruned model is trained without a regularizer and with l2 of several
    strengths, and the best of them by validation error stands for its size. Low-rank models take
    the strengths that the grid found before any cut, so they are searched no harder. Those of the
    first family have both stages in the epochs that narrow and pruned ones have; those of the
    second are the ones of `size-against-error`.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_rank.grid import best_runs, grid_runs, middle_transition
    from tfpipeline.studies.low_rank.runs import Deployed, Stage2, TwoStages

    grid = pool.rows(grid_runs(pool.settings), "Stage 1")
    seeds, budgets, epochs = pool.settings.seeds, pool.settings.budgets, pool.settings.epochs
    plain, searched = _search(pool)
    starts = best_runs(grid, "trace_norm", pool.settings)
    transition = middle_transition(pool.settings, epochs)
    families: dict[str, list[Any]] = {
        **plain,
        "low rank": [
            TwoStages(one, epochs, transition, budget) for budget in budgets for one in starts
        ],
        "low rank, late": [Stage2(one, budget=budget) for budget in budgets for one in starts],
    }
    runs = [one for family in families.values() for one in family]
    trained = pool.rows(runs, "Small models")
    deployed = pool.rows([Deployed(one) for one in runs], "Export")
    names = [name for name, family in families.items() for _ in family]
    times = _times(pool.files, [one.name for one in runs if _seed(one) == seeds[0]])
    rows: list[Row] = [
        {
            **model,
            **times.get(one.name, {}),
            **{name: value for name, value in files.items() if name not in ("run", "setting")},
            "family": family,
            "nonzero": _nonzero(model),
        }
        for one, family, model, files in zip(runs, names, trained, deployed, strict=True)
    ]
    return write_study(
        pool.out,
        pool.about("low-rank-or-sparse", command),
        COLUMNS,
        rows,
        [*_claims(rows), _search_is_wide(searched, pool.settings.small_l2)],
        lambda f: _draw(f, rows),
        (13, 4.4),
        further={"search": (SEARCH_COLUMNS, searched)},
    )


def _search(pool: Pool) -> tuple[dict[str, list[Stage1]], list[Row]]:
    """Train narrow and pruned models with each strength of l2.

    Returns:
        The runs of the best strengths of each size, by family, and a row for every run.
    """
    import dataclasses

    from tfpipeline.studies.low_rank.grid import mean_by_setting
    from tfpipeline.studies.low_rank.runs import Stage1

    settings = pool.settings
    sizes = [
        *(("narrow", Stage1(0, width=width)) for width in (1.0, *settings.widths)),
        *(("sparse", Stage1(0, sparsity=sparsity)) for sparsity in settings.sparsities),
    ]
    trials = [
        [
            [
                dataclasses.replace(size, seed=seed, kind=kind, nonrec=nonrec, rec=rec)
                for seed in settings.seeds
            ]
            for kind, nonrec, rec in (("none", 0.0, 0.0), *(("l2", *p) for p in settings.small_l2))
        ]
        for _, size in sizes
    ]
    every = [run for trial in trials for runs in trial for run in runs]
    # Pruning aims at a percentile of the weights of the same model without pruning.
    pool.rows([dataclasses.replace(run, sparsity=None, width=1.0) for run in every], "Dense models")
    found = {row["run"]: row for row in pool.rows(every, "Narrow and pruned models")}
    best: dict[str, list[Stage1]] = {family: [] for family, _ in sizes}
    rows: list[Row] = []
    for (family, _), trial in zip(sizes, trials, strict=True):
        own = [found[run.name] for runs in trial for run in runs]
        means = mean_by_setting(own, "cer_validation")
        chosen = min(trial, key=lambda runs: means[runs[0].setting])
        best[family] += chosen
        rows += [
            {
                **row,
                "family": family,
                "nonzero": _nonzero(row),
                "chosen": row["setting"] == chosen[0].setting,
            }
            for row in own
        ]
    return best, rows


def _nonzero(row: Row) -> int:
    return round(row["params"] - row["zeros"] * row["kernel_params"])


def _search_is_wide(searched: list[Row], strengths: tuple[tuple[float, float], ...]) -> Claim:
    """Whether the strongest l2 is best for no size: then a stronger one need not be tried."""
    from tfpipeline.studies.common.claims import Claim

    chosen = [row for row in searched if row["chosen"]]
    found = {row["setting"]: (row["nonrec"], row["rec"]) for row in chosen}
    return Claim(
        "no narrow or pruned model is best with the strongest l2 tried",
        not strengths or strengths[-1] not in found.values(),
        "best: " + ", ".join(found),
    )


def _seed(one: Any) -> int:
    return int(one.seed if hasattr(one, "seed") else one.stage1.seed)


def _times(run_files: Any, names: list[str]) -> dict[str, Row]:
    """Return microseconds an utterance, all files in turn in this process, on one thread."""
    import numpy as np

    from tfpipeline.bench.timing import time_interleaved
    from tfpipeline.runtime import Interpreter

    calls, models = {}, []
    for name in names:
        path = run_files.file(name)
        for form, file in (("portable", path), ("fused", path.with_suffix(".fused.tflite"))):
            model = Interpreter(file, num_threads=1)
            model.predict(np.zeros((1, *model.input_shape[1:]), np.float32))
            models.append(model)
            calls[f"{name} {form}"] = model.invoke
    found = time_interleaved(calls, label="Timing the files")
    return {
        name: {f"us_{form}": found[f"{name} {form}"].median for form in ("portable", "fused")}
        for name in names
    }


def _points(rows: list[Row], family: str, x: str, y: str) -> list[tuple[float, float]]:
    """Mean x and y of each setting of a family, by x, which not every row has."""
    from tfpipeline.studies.common.claims import mean

    own = [row for row in rows if row["family"] == family]
    settings = dict.fromkeys(row["setting"] for row in own)
    parts = [[row for row in own if row["setting"] == setting] for setting in settings]
    return sorted(
        (mean([row for row in part if row.get(x) is not None], x), mean(part, y)) for part in parts
    )


def _compare(rows: list[Row], family: str, x: str, error: str) -> list[tuple[float, float]]:
    """Return the error of low rank and of each size of another family, at that size."""
    import numpy as np

    sizes, errors = np.array(_points(rows, "low rank", "params" if x == "nonzero" else x, error)).T
    return [
        # Read off between our own sizes; above the largest one, the largest counts.
        (float(np.interp(size, sizes, errors)), other)
        for size, other in _points(rows, family, x, error)
        if size >= sizes[0]
    ]


def _claims(rows: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean

    claims = []
    for family, x, what in (
        ("narrow", "params", "as many parameters"),
        ("sparse", "nonzero", "as many parameters that are not zero"),
        ("narrow", "bytes", "as many bytes"),
        ("sparse", "bytes_zipped", "as many bytes, both deflated"),
        ("narrow", "us_fused", "as much time"),
        ("sparse", "us_fused", "as much time"),
    ):
        pairs = {
            split: _compare(rows, family, x, f"cer_int8_{split}")
            for split in ("validation", "test")
        }
        numbers = "; ".join(
            f"{split} " + ", ".join(f"{100 * a:.1f} against {100 * b:.1f} %" for a, b in compared)
            for split, compared in pairs.items()
        )
        claims.append(
            Claim(
                f"with {what}, low rank has a lower error than {family} models",
                bool(pairs["validation"]) and all(a <= b for a, b in pairs["validation"]),
                numbers if pairs["validation"] else "no size in common",
            )
        )
    worst = max(rows, key=lambda row: row["cer_int8_test"] / max(row["cer_float_test"], 1e-9))
    loss = mean(rows, "cer_int8_test") / mean(rows, "cer_float_test") - 1
    claims.append(
        Claim(
            "8 bits after training cost 2 to 4 % of the error, relative, or less",
            loss <= 0.04,
            f"mean {100 * loss:+.1f} %, most "
            f"{100 * (worst['cer_int8_test'] / worst['cer_float_test'] - 1):+.1f} % "
            f"({worst['setting']})",
        )
    )
    return claims


def _draw(figure: Any, rows: list[Row]) -> None:
    axes = figure.subplots(1, 3, sharey=True)
    for place, (x, scale, label) in zip(
        axes,
        (
            ("nonzero", 1000, "parameters that are not zero, thousands"),
            ("bytes_zipped", 1024, "bytes of the int8 file, deflated, KiB"),
            ("us_fused", 1000, "time of an utterance, fused, ms"),
        ),
        strict=True,
    ):
        for family, color in _COLORS.items():
            own = [r for r in rows if r["family"] == family and r.get(x) is not None]
            place.plot(
                [row[x] / scale for row in own],
                [100 * row["cer_int8_validation"] for row in own],
                "o",
                color=color,
                alpha=0.4,
            )
            points = _points(own, family, x, "cer_int8_validation")
            place.plot(
                [a / scale for a, _ in points],
                [100 * b for _, b in points],
                color=color,
                label=FAMILIES[family],
            )
        place.set_xlim(left=0)
        place.set_xlabel(label)
    axes[0].set_ylabel("validation CER of the int8 file, %")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
