"""The study `low-rank-or-sparse`: Figure 8 of Kliegl et al. (2018), and its cost on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.low_rank.options import add_arguments as add_arguments
from tfpipeline.studies.low_rank.options import pooled
from tfpipeline.studies.rows import Row, StudyResult

if TYPE_CHECKING:
    from tfpipeline.studies.low_rank.pool import Pool

HELP = "low rank, sparse and narrow models: error rate by parameters, bytes and time (Figure 8)"
COLUMNS = (
    *("family", "setting", "seed", "params", "nonzero", "cer_validation", "cer_test"),
    *("cer_int8_validation", "cer_int8_test", "bytes", "bytes_zipped", "bytes_fused"),
    *("us_portable", "us_fused"),
)
FAMILIES = {
    "narrow": "narrower plain models",
    "sparse": "pruned plain models",
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
    """Trains families of small models and exports each as int8.

    The low-rank models of the first family have both stages in the epochs that narrow and pruned
    ones have. Those of the second are the ones of `size-against-error`.
    """
    from tfpipeline.studies.low_rank.grid import best_runs, grid_runs, middle_transition
    from tfpipeline.studies.low_rank.report import finish
    from tfpipeline.studies.low_rank.runs import Deployed, Stage1, Stage2, TwoStages

    grid = pool.rows(grid_runs(pool.settings), "Stage 1")
    seeds, budgets, epochs = pool.settings.seeds, pool.settings.budgets, pool.settings.epochs
    starts = best_runs(grid, "trace_norm", pool.settings)
    transition = middle_transition(pool.settings, epochs)
    families: dict[str, list[Any]] = {
        "narrow": [Stage1(s, width=w) for w in (1.0, *pool.settings.widths) for s in seeds],
        "sparse": [Stage1(s, sparsity=v) for v in pool.settings.sparsities for s in seeds],
        "low rank": [
            TwoStages(one, epochs, transition, budget) for budget in budgets for one in starts
        ],
        "low rank, late": [Stage2(one, budget=budget) for budget in budgets for one in starts],
    }
    runs = [one for family in families.values() for one in family]
    trained = pool.rows(runs, "Small models")
    deployed = pool.rows([Deployed(one) for one in runs], "Export")
    names = [name for name, family in families.items() for _ in family]
    times = _times(pool.place, [one.name for one in runs if _seed(one) == seeds[0]])
    rows: list[Row] = [
        {
            **model,
            **times.get(one.name, {}),
            **{name: value for name, value in files.items() if name not in ("run", "setting")},
            "family": family,
            "nonzero": round(model["params"] - model["zeros"] * model["kernel_params"]),
        }
        for one, family, model, files in zip(runs, names, trained, deployed, strict=True)
    ]
    return finish(
        pool,
        "low-rank-or-sparse",
        command,
        COLUMNS,
        rows,
        _claims(rows),
        lambda f: _draw(f, rows),
        (13, 4.4),
    )


def _seed(one: Any) -> int:
    return int(one.seed if hasattr(one, "seed") else one.stage1.seed)


def _times(place: Any, names: list[str]) -> dict[str, Row]:
    """Microseconds an utterance, all files in turn in this process, on one thread."""
    import numpy as np

    from tfpipeline.bench.timing import time_interleaved
    from tfpipeline.runtime import Interpreter

    calls, models = {}, []
    for name in names:
        path = place.file(name)
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
    from tfpipeline.studies.low_rank.report import mean

    own = [row for row in rows if row["family"] == family]
    settings = dict.fromkeys(row["setting"] for row in own)
    parts = [[row for row in own if row["setting"] == setting] for setting in settings]
    return sorted(
        (mean([row for row in part if row.get(x) is not None], x), mean(part, y)) for part in parts
    )


def _claims(rows: list[Row]) -> list[Any]:
    import numpy as np

    from tfpipeline.studies.low_rank.report import Claim, mean

    claims = []
    low_rank = {
        x: _points(rows, "low rank", x, "cer_int8_validation")
        for x in ("params", "bytes", "bytes_zipped", "us_fused")
    }
    for family, x, what in (
        ("narrow", "params", "as many parameters"),
        ("sparse", "nonzero", "as many parameters that are not zero"),
        ("narrow", "bytes", "as many bytes"),
        ("sparse", "bytes_zipped", "as many bytes, both deflated"),
        ("narrow", "us_fused", "as much time"),
        ("sparse", "us_fused", "as much time"),
    ):
        ours = low_rank["params" if x == "nonzero" else x]
        sizes, errors = np.array(ours).T
        wins, compared = 0, []
        for size, error in _points(rows, family, x, "cer_int8_validation"):
            # Read off between our own sizes; above the largest one, the largest counts.
            if size >= sizes[0]:
                own = float(np.interp(size, sizes, errors))
                wins += own <= error
                compared.append(f"{100 * own:.1f} against {100 * error:.1f} %")
        claims.append(
            Claim(
                f"with {what}, low rank has a lower error than {family} models",
                bool(compared) and wins == len(compared),
                ", ".join(compared) or "no size in common",
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
