"""The study `gradient-norms`: what the steps of recurrent layers do to gradients, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_bit.options import add_arguments as add_arguments
from tfpipeline.studies.low_bit.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_bit.pool import Pool

HELP = "norms of the Jacobians of four cells over time, in float, binary and ternary"
COLUMNS = (
    *("cell", "quantizer", "normalization", "seed", "test", "growth_first", "growth_last"),
    *("largest_first", "largest_last"),
)
STEP_COLUMNS = ("cell", "quantizer", "normalization", "step", "jacobian_first", "jacobian_last")
QUANTIZERS = (None, "BinaryConnect", "TerConnect")
NORMALIZATIONS = (None, "weight")
WHEN = ("first", "last")
# Within this of 1 a step neither explodes nor much more than keeps a gradient, over 64 of them.
_TAME = 1.05
_NEAR = 0.03
_COLORS = {"none": "#808080", "BinaryConnect": "#c8553d", "TerConnect": "#33658a"}


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train each cell on pixels, and measure its Jacobians before and after.

    The weights are in full precision, binary and ternary, with and without weight normalization.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_bit.heat_map import name_of
    from tfpipeline.studies.low_bit.runs import Training

    settings = pool.settings
    runs = [
        Training(settings.seeds[0], quantizer, normalization, cell)
        for cell in settings.cells
        for quantizer in QUANTIZERS
        for normalization in NORMALIZATIONS
    ]
    rows: list[Row] = [
        {
            **row,
            "quantizer": name_of(row["quantizer"]),
            "normalization": name_of(row["normalization"]),
            **{f"largest_{when}": max(row[f"jacobians_{when}"]) for when in WHEN},
        }
        for row in pool.trained(runs, "Gradients")
    ]
    steps = _by_step(rows)
    return write_study(
        pool.out,
        pool.about("gradient-norms", command),
        COLUMNS,
        rows,
        _claims(rows, settings.cells),
        lambda f: _draw(f, steps, settings.cells),
        (3.2 * len(settings.cells), 5.2),
        further={"steps": (STEP_COLUMNS, steps)},
    )


def _by_step(rows: list[Row]) -> list[Row]:
    """Return the norms of each time step, geometric means over seeds."""
    from statistics import geometric_mean

    found = []
    for key in dict.fromkeys(tuple(row[name] for name in STEP_COLUMNS[:3]) for row in rows):
        own = [row for row in rows if tuple(row[name] for name in STEP_COLUMNS[:3]) == key]
        for step in range(len(own[0]["jacobians_first"])):
            norms = {
                # What vanishes has no logarithm.
                f"jacobian_{when}": geometric_mean(
                    max(row[f"jacobians_{when}"][step], 1e-9) for row in own
                )
                for when in WHEN
            }
            found.append({**dict(zip(STEP_COLUMNS, (*key, step), strict=False)), **norms})
    return found


def _claims(rows: list[Row], cells: tuple[str, ...]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean

    def of(cell: str, column: str, quantizer: str, normalization: str = "none") -> float:
        return mean(rows, column, cell=cell, quantizer=quantizer, normalization=normalization)

    def growths(cell: str, when: str, normalization: str = "none") -> dict[str, float]:
        return {name: of(cell, f"growth_{when}", name, normalization) for name in _COLORS}

    def numbers(found: dict[str, float]) -> str:
        return ", ".join(f"{name} {value:.3f}" for name, value in found.items())

    claims = []
    for cell in cells:
        first, normal = growths(cell, "first"), growths(cell, "first", "weight")
        claims += [
            Claim(
                f"{cell}, before training, without normalization: a step multiplies gradients most "
                "with binary weights, then with ternary ones",
                first["BinaryConnect"] > first["TerConnect"] > first["none"],
                numbers(first),
            ),
            Claim(
                f"{cell}, before training: with weight normalization no step multiplies gradients "
                f"by more than {_TAME}",
                max(normal.values()) <= _TAME,
                numbers(normal),
            ),
            Claim(
                f"{cell}, trained without normalization: ternary weights are within "
                f"{100 * _NEAR:.0f} points of full precision",
                of(cell, "test", "TerConnect") >= of(cell, "test", "none") - _NEAR,
                ", ".join(f"{name} {100 * of(cell, 'test', name):.1f} %" for name in _COLORS)
                + f"; growth after training {numbers(growths(cell, 'last'))}",
            ),
        ]
    if "fast_rnn" in cells:
        found = of("fast_rnn", "growth_first", "TerConnect")
        claims.append(
            Claim(
                "the weighted residual of FastRNN tames ternary weights without normalization: "
                f"growth of at most {_TAME} before training",
                found <= _TAME,
                f"{found:.3f}",
            )
        )
    return claims


def _draw(figure: Any, steps: list[Row], cells: tuple[str, ...]) -> None:
    grid = figure.subplots(2, len(cells), sharex=True, squeeze=False)
    for column, cell in enumerate(cells):
        for axes, when in zip(grid[:, column], WHEN, strict=True):
            for name, color in _COLORS.items():
                for normalization, style in (("none", "-"), ("weight", ":")):
                    curve = [
                        row[f"jacobian_{when}"]
                        for row in steps
                        if (row["cell"], row["quantizer"], row["normalization"])
                        == (cell, name, normalization)
                    ]
                    label = f"{name}, {normalization}" if column == 0 and when == "first" else None
                    axes.plot(curve, style, color=color, label=label)
            axes.set_yscale("log")
            axes.minorticks_off()
            axes.axhline(1.0, color="black", linewidth=0.5)
            trained = "before" if when == "first" else "after"
            axes.set_title(f"{cell}, {trained} training", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("time step")
    grid[0][0].legend(fontsize=6, title="weights, normalization", title_fontsize=6)
    for axes in grid[:, 0]:
        axes.set_ylabel("norm of a Jacobian")
