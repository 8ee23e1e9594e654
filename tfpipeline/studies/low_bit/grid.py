"""The study `low-bit-grid`: every quantizer with every normalization, on pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_bit.options import add_arguments as add_arguments
from tfpipeline.studies.low_bit.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_bit.pool import Pool

HELP = "accuracy of an LSTM with each quantizer and each normalization, pixel by pixel"
COLUMNS = (
    *("order", "quantizer", "normalization", "normalize_cell", "seed", "validation", "test"),
    *("ledger", "growth_first", "growth_last", "seconds"),
)
# Shares of pictures: what is far behind, what is near, and what never counts as a difference.
_FAR, _NEAR, _EQUAL = 0.1, 0.03, 0.01
_TERNARY = ("TerConnect", "TWN", "LAT", "STN")
_FIXED = ("BinaryConnect", "TerConnect")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train an LSTM with each pair, in the order of the pixels, and some in a permuted order.

    SBN and STN are also there as published: with statistics of each time step, and the state of the
    cell normalized too. What others reached with weights of full precision on MNIST is a table of
    its own, for `--data`: digits of scikit-learn are another task.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_bit.heat_map import name_of
    from tfpipeline.studies.low_bit.published import PIXEL_COLUMNS, PIXELS

    rows: list[Row] = [
        {
            **row,
            "quantizer": name_of(row["quantizer"]),
            "normalization": name_of(row["normalization"]),
        }
        for row in pool.trained(_runs(pool), "Grid")
    ]
    orders = list(dict.fromkeys(row["order"] for row in rows))
    return write_study(
        pool.out,
        pool.about("low-bit-grid", command),
        COLUMNS,
        rows,
        [claim for order in orders for claim in _claims(rows, order)],
        lambda f: _draw(f, rows, orders),
        (5.5 * len(orders), 4.6),
        further={"published": (PIXEL_COLUMNS, PIXELS)},
    )


def _runs(pool: Pool) -> list[Any]:
    from tfpipeline.studies.low_bit.runs import PERMUTED, SEQUENTIAL, Training

    settings, first = pool.settings, pool.settings.seeds[0]
    runs = [
        Training(first, quantizer, normalization, order=order)
        for order, quantizers in (
            (SEQUENTIAL, settings.quantizers),
            (PERMUTED, settings.permuted),
        )
        for quantizer in quantizers
        for normalization in settings.normalizations
    ]
    published = [
        Training(first, quantizer, "batch_separate", normalize_cell=True)
        for quantizer in ("SBN", "STN")
        if quantizer in settings.quantizers
    ]
    return [*runs, *published]


def _claims(rows: list[Row], order: str) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_bit.same_codes import PAIRS, alike

    own = [row for row in rows if row["order"] == order and not row["normalize_cell"]]
    test: dict[tuple[str, str], list[float]] = {}
    for row in own:
        test.setdefault((row["quantizer"], row["normalization"]), []).append(row["test"])
    means = {key: sum(values) / len(values) for key, values in test.items()}
    quantizers, normalizations = (list(dict.fromkeys(names)) for names in zip(*test, strict=True))
    normalized = [name for name in normalizations if name != "none"]

    def numbers(normalization: str, names: list[str]) -> str:
        return ", ".join(f"{name} {100 * means[name, normalization]:.1f}" for name in names)

    fixed = [name for name in _FIXED if name in quantizers]
    plain = means["none", "none"]
    claims = [
        Claim(
            f"without normalization binary and ternary weights of magnitude 1 are {100 * _FAR:.0f} "
            f"points or more behind full precision ({order})",
            all(means[name, "none"] <= plain - _FAR for name in fixed),
            f"{100 * plain:.1f} %; " + numbers("none", [n for n in quantizers if n != "none"]),
        )
    ]
    ternary = [name for name in _TERNARY if name in quantizers]
    claims += [
        Claim(
            f"with {name} normalization ternary weights are within {100 * _NEAR:.0f} points of "
            f"full precision without any ({order})",
            all(means[one, name] >= plain - _NEAR for one in ternary),
            f"{100 * plain:.1f} %, with {name} {100 * means['none', name]:.1f}; "
            + numbers(name, ternary),
        )
        for name in normalized
    ]
    claims += [
        Claim(
            f"with {name} normalization {one} is as accurate as {other} ({order})",
            alike(test[one, name], test[other, name], _EQUAL),
            numbers(name, [one, other]),
        )
        for one, other in PAIRS
        if {one, other} <= set(quantizers)
        for name in normalized
    ]
    if {"batch_shared", "batch_separate"} <= set(normalized):
        names = [name for name in quantizers if name != "Alternating"]
        found = [
            sum(means[name, kind] for name in names) / len(names)
            for kind in ("batch_shared", "batch_separate")
        ]
        claims.append(
            Claim(
                f"shared batch statistics are {100 * _FAR:.0f} points or more behind those of each "
                f"time step ({order})",
                found[0] <= found[1] - _FAR,
                f"mean of the quantizers {100 * found[0]:.1f} and {100 * found[1]:.1f} %",
            )
        )
    return claims


def _draw(figure: Any, rows: list[Row], orders: list[str]) -> None:
    from tfpipeline.studies.low_bit.heat_map import draw_heat_map

    for axes, order in zip(figure.subplots(1, len(orders), squeeze=False)[0], orders, strict=True):
        values: dict[tuple[str, str], list[float]] = {}
        for row in rows:
            if row["order"] == order:
                kind = row["normalization"] + (" + c" if row["normalize_cell"] else "")
                values.setdefault((row["quantizer"], kind), []).append(100 * row["test"])
        quantizers, kinds = (list(dict.fromkeys(names)) for names in zip(*values, strict=True))
        draw_heat_map(
            axes,
            {key: sum(numbers) / len(numbers) for key, numbers in values.items()},
            quantizers,
            kinds,
            f"test accuracy, %, {order} pixels",
        )
