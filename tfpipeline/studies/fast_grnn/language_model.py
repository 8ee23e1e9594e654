"""The study `language-model`: all cells, and four ways to regularize FastGRNN, on a text."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.pool_options import add_pool_arguments, pooled_by
from tfpipeline.studies.common.rows import Row, StudyResult

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.language.pool import Pool
    from tfpipeline.studies.fast_grnn.language.runs import LanguageModel

HELP = "perplexity of all cells on a text; FastGRNN with weight decay, weight drop, AR/TAR, stacked"
COLUMNS = (
    *("model", "seed", "test", "validation", "train", "test_bytes", "params", "ledger"),
    *("ledger_float", "rate", "weight_decay", "weight_drop", "ar", "tar", "minutes"),
)
CELLS = {
    "RNN": "rnn",
    "FastRNN": "fast_rnn",
    "FastGRNN": "fast_grnn",
    "GRU": "gru",
    "LSTM": "lstm",
    "QRNN": "qrnn",
}
DENSE, BYTES = "FastGRNN", "FastGRNN, LSQ"
DECAY, STACKED = f"{DENSE} + weight decay", f"{DENSE} + 2nd layer"
DROP, PENALTY = f"{DENSE} + weight drop", f"{DENSE} + AR/TAR"
REGULARIZED = (DECAY, STACKED, DROP, PENALTY)
pooled = pooled_by("tfpipeline.studies.fast_grnn.language.pool")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a study that trains on a text."""
    add_pool_arguments(
        parser,
        "text (ptb.train.txt, ptb.valid.txt and ptb.test.txt, or as tfpipeline.data.load_text)",
        "the text that comes with Python",
    )


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train each cell with as many units on a text of words, and FastGRNN regularized.

    Learning rates, and how strong each regularization is, are those with the best perplexity of
    the first seed on validation text. Perplexities of the Penn Treebank as published are a table of
    their own: those of another text are not to be compared with them.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.language.published import COLUMNS as PUBLISHED_COLUMNS
    from tfpipeline.studies.fast_grnn.language.published import PUBLISHED

    chosen = pool.best(_cells(pool), "Learning rates")
    chosen |= pool.best(_regularized(pool, chosen[DENSE]), "Strengths")
    runs = [(model, one) for model, best in chosen.items() for one in pool.seeds(best)]
    found = pool.rows([one for _, one in runs], "Models")
    rows: list[Row] = [{**row, "model": model} for (model, _), row in zip(runs, found, strict=True)]
    return write_study(
        pool.out,
        pool.about("language-model", command),
        COLUMNS,
        rows,
        _claims(rows),
        lambda f: _draw(f, rows),
        (9, 4.6),
        further={"published": (PUBLISHED_COLUMNS, PUBLISHED)},
    )


def _cells(pool: Pool) -> dict[str, list[LanguageModel]]:
    from dataclasses import replace

    from tfpipeline.studies.fast_grnn.language.runs import LanguageModel

    settings = pool.settings
    first = settings.seeds[0]
    rank, recurrent_rank = settings.ranks
    tried = {
        model: [LanguageModel(first, cell, settings.units, rate) for rate in settings.rates]
        for model, cell in CELLS.items()
    }
    tried[BYTES] = [
        replace(
            one,
            rank=rank,
            recurrent_rank=recurrent_rank,
            density=settings.density,
            piecewise=True,
        )
        for one in tried[DENSE]
    ]
    return tried


def _regularized(pool: Pool, plain: LanguageModel) -> dict[str, list[LanguageModel]]:
    from dataclasses import replace

    settings = pool.settings
    return {
        DECAY: [replace(plain, weight_decay=decay) for decay in settings.decays],
        STACKED: [replace(plain, layers=2)],
        DROP: [replace(plain, weight_drop=share) for share in settings.drops],
        PENALTY: [replace(plain, ar=ar, tar=tar) for ar, tar in settings.penalties],
    }


def _claims(rows: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean

    models = list(dict.fromkeys(row["model"] for row in rows))
    test = {model: mean(rows, "test", model=model) for model in models}

    def numbers(*names: str) -> str:
        return ", ".join(f"{name} {test[name]:.1f}" for name in names)

    small = mean(rows, "test_bytes", model=BYTES)
    fewer = mean(rows, "ledger_float", model=DENSE) / mean(rows, "ledger", model=BYTES)
    return [
        Claim(
            "FastGRNN has a lower perplexity than FastRNN, and that than an RNN",
            test[DENSE] < test["FastRNN"] < test["RNN"],
            numbers("RNN", "FastRNN", DENSE),
        ),
        Claim(
            "FastGRNN has a lower perplexity than an LSTM of as many units",
            test[DENSE] < test["LSTM"],
            numbers(DENSE, "LSTM", "GRU", "QRNN"),
        ),
        Claim(
            "low rank, sparse and in bytes it loses at most 1 %",
            small <= 1.01 * test[DENSE],
            f"{test[DENSE]:.1f} to {small:.1f} in a cell of {fewer:.0f} times fewer bytes",
        ),
        *(
            Claim(
                f"{model}: lower perplexity than without",
                test[model] < test[DENSE],
                f"{numbers(DENSE, model)}; training text "
                f"{mean(rows, 'train', model=DENSE):.1f}, {mean(rows, 'train', model=model):.1f}",
            )
            for model in REGULARIZED
        ),
    ]


def _draw(figure: Any, rows: list[Row]) -> None:
    from tfpipeline.studies.common.claims import mean

    axes = figure.subplots()
    models = list(dict.fromkeys(row["model"] for row in rows))
    models.sort(key=lambda model: -mean(rows, "test", model=model))
    splits = (("train", "training text", "#b0b0b0"), ("test", "test text", "#33658a"))
    for split, label, color in splits:
        for place, model in enumerate(models):
            own = [row[split] for row in rows if row["model"] == model]
            axes.plot(
                own, [place] * len(own), "o", color=color, label=None if place else label, alpha=0.7
            )
            axes.plot([mean(rows, split, model=model)], [place], "|", color=color, markersize=16)
    axes.set_yticks(range(len(models)), models)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("perplexity of a word; bars are means")
    axes.legend()
