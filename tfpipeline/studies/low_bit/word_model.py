"""The study `low-bit-words`: quantizers and normalizations of word language models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.pool_options import pooled_by
from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.low_bit.character_model import add_arguments as add_arguments
from tfpipeline.studies.low_bit.character_model import means_of

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_bit.text.word_pool import Pool

HELP = "perplexity of words of LSTM and GRU with few bits, with each normalization"
COLUMNS = (
    *("model", "quantizer", "normalization", "seed", "validation", "test", "ledger"),
    *("seconds", "published_ptb_300", "published_ptb_650"),
)
# Shares of a perplexity: what is far behind, and what is near.
_FAR, _NEAR = 1.2, 1.05
_FIXED, _TERNARY = ("BinaryConnect", "TerConnect"), ("TerConnect", "TWN", "LAT")
pooled = pooled_by("tfpipeline.studies.low_bit.text.word_pool")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train recurrent layers on the words of a text, whose embedding stays in full precision.

    Perplexities as published are columns, of an LSTM of 300 and of 650 units on Penn Treebank with
    the same quantizer and normalization; those of another text are not to be compared with them.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.low_bit import published_words
    from tfpipeline.studies.low_bit.heat_map import name_of
    from tfpipeline.studies.low_bit.text.runs import TextModel

    settings = pool.settings
    runs = [
        TextModel(settings.seeds[0], quantizer, normalization, cell)
        for cell, normalizations in settings.cells
        for quantizer in settings.quantizers
        for normalization in normalizations
    ]
    rows: list[Row] = []
    for row in pool.trained(runs, "Models"):
        named = {key: name_of(row[key]) for key in ("quantizer", "normalization")}
        perplexity = {split: 2.0 ** row[split] for split in ("validation", "test")}
        rows.append({**row, **named, **perplexity, "model": row["cell"]})
    rows = [{**row, **_published(row)} for row in rows]
    cells = [cell for cell, _ in settings.cells]
    return write_study(
        pool.out,
        pool.about("low-bit-words", command),
        COLUMNS,
        rows,
        [claim for cell in cells for claim in _claims(rows, cell)],
        lambda f: _draw(f, rows, cells),
        (5 * len(cells), 3.2),
        further={"published": (published_words.COLUMNS, published_words.WORDS)},
    )


def _published(row: Row) -> Row:
    from tfpipeline.studies.low_bit.published_words import WORDS

    same = {name: row[name] for name in ("quantizer", "normalization")}
    found = [one for one in WORDS if row["model"] == "lstm" and same.items() <= one.items()]
    return {
        f"published_{column}": found[0][column] if found else None
        for column in ("ptb_300", "ptb_650")
    }


def _claims(rows: list[Row], cell: str) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    found = means_of(rows, cell)
    quantizers, kinds = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
    plain = found["none", "none"]

    def numbers(kind: str) -> str:
        return f"full precision {plain:.0f}; " + ", ".join(
            f"{name} {found[name, kind]:.0f}" for name in quantizers
        )

    fixed, ternary = ([n for n in quantizers if n in group] for group in (_FIXED, _TERNARY))
    return [
        Claim(
            f"{cell}: without normalization weights of magnitude 1 have {_FAR:g} times the "
            "perplexity of full precision, or more",
            all(found[name, "none"] >= _FAR * plain for name in fixed),
            numbers("none"),
        ),
        *(
            Claim(
                f"{cell}: with {kind} normalization ternary weights have at most {_NEAR:g} times "
                "that of full precision without any",
                all(found[name, kind] <= _NEAR * plain for name in ternary),
                numbers(kind),
            )
            for kind in kinds
            if kind != "none"
        ),
    ]


def _draw(figure: Any, rows: list[Row], cells: list[str]) -> None:
    from tfpipeline.studies.low_bit.heat_map import draw_heat_map

    for axes, cell in zip(figure.subplots(1, len(cells), squeeze=False)[0], cells, strict=True):
        found = means_of(rows, cell)
        quantizers, kinds = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
        title = f"{cell}: perplexity, test text"
        draw_heat_map(axes, found, quantizers, kinds, title, ".0f", best_high=False)
