"""The study `shared-batch-norm`: why statistics that all time steps share fail on pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_bit.options import add_arguments as add_arguments
from tfpipeline.studies.low_bit.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_bit.pool import Pool

HELP = "shared and separate batch statistics of an LSTM: gains, pixels at the border, their order"
COLUMNS = (
    *("pixels", "quantizer", "normalization", "gain", "seed", "validation", "test", "own"),
    *("mean_shift", "early_shift", "mean_ratio", "early_ratio", "growth_first", "growth_last"),
)
STEP_COLUMNS = (
    *("pixels", "quantizer", "gain", "step"),
    *("input_shift", "input_ratio", "shift", "ratio"),
)
_STEPS = STEP_COLUMNS[4:]
QUANTIZERS = (None, "TerConnect")
SHARED, SEPARATE = "batch_shared", "batch_separate"
ALL, INNER, PERMUTED = "all", "without border", "permuted"
# Shares of pictures: what counts as a difference.
_FAR = 0.1
# One in so many steps is an early one: the first row of a picture of 8 x 8 pixels.
_EARLY = 8
# What gains start from where a run does not say.
_DEFAULT_GAIN = 0.1


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train with shared and separate statistics, and measure how far each step is from the shared.

    Hou et al. found that shared statistics fail on sequential MNIST, and not why. Two conjectures:
    the border of a picture is empty, so that early steps have statistics unlike those of late ones;
    and gains that start from the default of the framework instead of 0.1, as in the authors' code.
    In training both kinds take the statistics of each step, so that they differ at inference only:
    `own` is the accuracy of the same weights with the statistics of each step of the test pictures.
    """
    from tfpipeline.studies.common.written_study import write_study

    runs = _runs(pool)
    found = pool.trained(list(runs.values()), "Shared statistics")
    seeds = len(pool.settings.seeds)
    keys = [key for key in runs for _ in range(seeds)]
    rows = [_row(key, row) for key, row in zip(keys, found, strict=True)]
    return write_study(
        pool.out,
        pool.about("shared-batch-norm", command),
        COLUMNS,
        rows,
        [claim for name in dict.fromkeys(key[1] for key in keys) for claim in _claims(rows, name)],
        lambda f: _draw(f, rows),
        (11, 4.2),
        further={"steps": (STEP_COLUMNS, _by_step(rows))},
    )


def _runs(pool: Pool) -> dict[tuple[Any, ...], Any]:
    """Return runs by pixels, quantizer, normalization and first gain."""
    from tfpipeline.studies.low_bit import runs
    from tfpipeline.studies.low_bit.heat_map import name_of

    found = {}
    for quantizer in QUANTIZERS:
        for kind in (SHARED, SEPARATE):
            plain = (pool.settings.seeds[0], quantizer, kind)
            key = (name_of(quantizer), kind)
            for gain in pool.settings.gains:
                own = None if gain == _DEFAULT_GAIN else gain
                found[ALL, *key, gain] = runs.Training(*plain, gain=own)
            found[INNER, *key, _DEFAULT_GAIN] = runs.Training(*plain, border=False)
            found[PERMUTED, *key, _DEFAULT_GAIN] = runs.Training(*plain, order=runs.PERMUTED)
    return found


def _row(key: tuple[Any, ...], row: Row) -> Row:
    named = dict(zip(("pixels", "quantizer", "normalization", "gain"), key, strict=True))
    if "shift" in row:
        for name in ("shift", "ratio"):
            named[f"mean_{name}"] = sum(row[name]) / len(row[name])
            early = row[name][: max(1, len(row[name]) // _EARLY)]
            named[f"early_{name}"] = sum(early) / len(early)
    return {**dict.fromkeys(COLUMNS), **row, **named}


def _by_step(rows: list[Row]) -> list[Row]:
    """Return the measures of each time step, means over seeds."""
    found = []
    settings = dict.fromkeys(
        (row["pixels"], row["quantizer"], row["gain"])
        for row in rows
        if row["normalization"] == SHARED
    )
    for setting in settings:
        own = _of(rows, setting[0], setting[1], SHARED, setting[2])
        for step in range(len(own[0]["input_shift"])):
            means = {}
            for name in _STEPS:
                # The state of the first step is 0, and its products are not measured.
                place = step if name.startswith("input") else step - 1
                if place >= 0:
                    means[name] = sum(row[name][place] for row in own) / len(own)
            found.append({**dict(zip(STEP_COLUMNS, (*setting, step), strict=False)), **means})
    return found


def _of(rows: list[Row], pixels: str, quantizer: str, kind: str, gain: Any) -> list[Row]:
    wanted = (pixels, quantizer, kind, gain)
    names = ("pixels", "quantizer", "normalization", "gain")
    return [row for row in rows if tuple(row[name] for name in names) == wanted]


def _mean(rows: list[Row], column: str) -> float:
    return float(sum(row[column] for row in rows) / len(rows))


def _claims(rows: list[Row], quantizer: str) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    gains = list(dict.fromkeys(row["gain"] for row in rows if row["pixels"] == ALL))

    def both(pixels: str, gain: Any = _DEFAULT_GAIN) -> tuple[float, float]:
        shared, separate = (
            _mean(_of(rows, pixels, quantizer, kind, gain), "test") for kind in (SHARED, SEPARATE)
        )
        return shared, separate

    def gap(pixels: str, gain: Any = _DEFAULT_GAIN) -> float:
        shared, separate = both(pixels, gain)
        return separate - shared

    def numbers(pixels: str, gain: Any = _DEFAULT_GAIN) -> str:
        return "shared {:.1f}, separate {:.1f} %".format(*(100 * n for n in both(pixels, gain)))

    plain = _of(rows, ALL, quantizer, SHARED, _DEFAULT_GAIN)
    mixed = _of(rows, PERMUTED, quantizer, SHARED, _DEFAULT_GAIN)
    own = _mean(plain, "own")
    others = [gain for gain in gains if gain != _DEFAULT_GAIN]
    weights = "full precision" if quantizer == "none" else quantizer
    by_gain = "; ".join(f"gain {gain}: {numbers(ALL, gain)}" for gain in gains)
    return [
        Claim(
            f"shared statistics fail on sequential pixels: {100 * _FAR:.0f} points or more behind "
            f"separate ones ({weights})",
            gap(ALL) >= _FAR,
            numbers(ALL),
        ),
        Claim(
            "what fails is inference: with the statistics of each step the same weights gain "
            f"{100 * _FAR:.0f} points ({weights})",
            own - _mean(plain, "test") >= _FAR,
            f"{100 * _mean(plain, 'test'):.1f} to {100 * own:.1f} %",
        ),
        Claim(
            f"early steps are further from the shared mean than all steps on average ({weights})",
            _mean(plain, "early_shift") > 1.5 * _mean(plain, "mean_shift"),
            f"{_mean(plain, 'early_shift'):.2f} and {_mean(plain, 'mean_shift'):.2f} deviations; "
            f"permuted {_mean(mixed, 'early_shift'):.2f} and {_mean(mixed, 'mean_shift'):.2f}",
        ),
        Claim(
            f"without the pixels at the border shared statistics lag half as far ({weights})",
            gap(INNER) <= gap(ALL) / 2,
            f"all: {numbers(ALL)}; without border: {numbers(INNER)}; permuted: {numbers(PERMUTED)}",
        ),
        *(
            Claim(
                f"gains that start from {gain} instead of {_DEFAULT_GAIN} cost shared statistics "
                f"{100 * _FAR:.0f} points or more ({weights})",
                both(ALL)[0] - both(ALL, gain)[0] >= _FAR,
                by_gain,
            )
            for gain in others
        ),
    ]


def _draw(figure: Any, rows: list[Row]) -> None:
    left, right = figure.subplots(1, 2)
    colors = {ALL: "#c8553d", INNER: "#33658a", PERMUTED: "#6a994e"}
    kinds = list(dict.fromkeys((row["pixels"], row["gain"]) for row in rows))
    names = list(dict.fromkeys(row["quantizer"] for row in rows))
    for place, (pixels, gain) in enumerate(kinds):
        for shift, (kind, marker) in enumerate(((SHARED, "o"), (SEPARATE, "s"))):
            for name in names:
                own = _of(rows, pixels, name, kind, gain)
                fill = {} if name == "none" else {"markerfacecolor": "white"}
                left.plot(
                    [100 * row["test"] for row in own],
                    [place + 0.25 * shift] * len(own),
                    marker,
                    color=colors[pixels],
                    **fill,
                )
    left.set_yticks(range(len(kinds)), [f"{pixels}, gain {gain}" for pixels, gain in kinds])
    left.set_xlabel("test accuracy, %; circles shared, squares separate; white ternary")
    every = _by_step(rows)
    for pixels, color in colors.items():
        steps = [
            row
            for row in every
            if (row["pixels"], row["quantizer"], row["gain"]) == (pixels, "none", _DEFAULT_GAIN)
        ]
        for column, style in (("shift", "-"), ("input_shift", ":")):
            own = [row for row in steps if column in row]
            right.plot(
                [row["step"] for row in own],
                [row[column] for row in own],
                style,
                color=color,
                label=f"{pixels}, {'input' if column == 'input_shift' else 'state'}",
            )
    right.set_xlabel("time step")
    right.set_ylabel("mean of a step from the shared one, in deviations")
    right.legend(fontsize=7)
