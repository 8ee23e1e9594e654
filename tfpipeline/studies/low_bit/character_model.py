"""The study `low-bit-text`: quantizers and normalizations of character language models."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.pool_options import add_pool_arguments, pooled_by
from tfpipeline.studies.common.rows import Row, StudyResult

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_bit.text.pool import Pool

HELP = "bits per character of LSTM and GRU with few bits, with each normalization"
COLUMNS = (
    *("model", "quantizer", "normalization", "seed", "validation", "test", "ledger"),
    *("seconds", "published_war_and_peace", "published_ptb", "published_text8"),
)
# Shares of bits per character: what is far behind, and what is near.
_FAR, _NEAR = 1.1, 1.03
_FIXED = ("BinaryConnect", "TerConnect")
pooled = pooled_by("tfpipeline.studies.low_bit.text.pool")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a study that trains on a text."""
    add_pool_arguments(
        parser,
        "text (train.txt, valid.txt and test.txt, or as tfpipeline.data.load_text)",
        "the text that comes with Python",
    )


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train LSTM and GRU on the characters of a text, with one layer and some with two.

    Bits per character as published are columns, of an LSTM with the same quantizer and
    normalization, and a table of their own with the best models of any kind: those of another text
    are not to be compared with them.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_bit.heat_map import name_of
    from tfpipeline.studies.low_bit.published import TEXT_COLUMNS, TEXTS
    from tfpipeline.studies.low_bit.text.runs import TextModel

    settings = pool.settings
    first = settings.seeds[0]
    runs = [
        TextModel(first, quantizer, normalization, cell)
        for cell, normalizations in settings.cells
        for quantizer in settings.quantizers
        for normalization in normalizations
    ]
    runs += [
        TextModel(first, quantizer, normalization, layers=2)
        for quantizer, normalization in settings.stacked
    ]
    rows: list[Row] = [
        {
            **row,
            "model": row["cell"] if row["layers"] == 1 else f"{row['layers']} x {row['cell']}",
            "quantizer": name_of(row["quantizer"]),
            "normalization": name_of(row["normalization"]),
        }
        for row in pool.trained(runs, "Models")
    ]
    rows = [{**row, **_published(row)} for row in rows]
    cells = [cell for cell, _ in settings.cells]
    return write_study(
        pool.out,
        pool.about("low-bit-text", command),
        COLUMNS,
        rows,
        [claim for cell in cells for claim in _claims(rows, cell)] + _stacked(rows),
        lambda f: _draw(f, rows, cells),
        (5 * len(cells), 3.2),
        further={"published": (TEXT_COLUMNS, TEXTS)},
    )


def _published(row: Row) -> Row:
    from tfpipeline.studies.low_bit.published import TEXTS

    same = {name: row[name] for name in ("quantizer", "normalization")} | {"model": "LSTM"}
    return {
        f"published_{text}": one[text]
        for one in TEXTS
        if row["model"] == "lstm" and same.items() <= one.items()
        for text in ("war_and_peace", "ptb", "text8")
    }


def means_of(rows: list[Row], model: str) -> dict[tuple[str, str], float]:
    """Return the means of the seeds on test text, by quantizer and normalization."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["model"] == model:
            found.setdefault((row["quantizer"], row["normalization"]), []).append(row["test"])
    return {key: sum(values) / len(values) for key, values in found.items()}


def _claims(rows: list[Row], cell: str) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    found = means_of(rows, cell)
    quantizers, normalizations = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
    few = [name for name in quantizers if name != "none"]
    plain = found["none", "none"]

    def numbers(normalization: str) -> str:
        return f"full precision {plain:.3f}; " + ", ".join(
            f"{name} {found[name, normalization]:.3f}" for name in quantizers
        )

    return [
        Claim(
            f"{cell}: without normalization weights of magnitude 1 take {_FAR:g} times the bits "
            "per character of full precision, or more",
            all(found[name, "none"] >= _FAR * plain for name in few if name in _FIXED),
            numbers("none"),
        ),
        *(
            Claim(
                f"{cell}: with {kind} normalization weights of few bits take at most {_NEAR:g} "
                "times as many",
                all(found[name, kind] <= _NEAR * plain for name in few),
                numbers(kind),
            )
            for kind in normalizations
            if kind != "none"
        ),
    ]


def _stacked(rows: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    claims = []
    for model in dict.fromkeys(row["model"] for row in rows):
        layers, _, cell = model.partition(" x ")
        if not cell:
            continue
        one, several = means_of(rows, cell), means_of(rows, model)
        for key, value in several.items():
            claims.append(
                Claim(
                    f"{cell}, {' and '.join(key)}: {layers} layers take fewer bits per character "
                    "than one",
                    value < one[key],
                    f"{one[key]:.3f} and {value:.3f}",
                )
            )
    return claims


def _draw(figure: Any, rows: list[Row], cells: list[str]) -> None:
    from tfpipeline.studies.low_bit.heat_map import draw_heat_map

    for axes, cell in zip(figure.subplots(1, len(cells), squeeze=False)[0], cells, strict=True):
        found = means_of(rows, cell)
        quantizers, kinds = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
        title = f"{cell}: bits per character, test text"
        draw_heat_map(axes, found, quantizers, kinds, title, ".2f", best_high=False)
