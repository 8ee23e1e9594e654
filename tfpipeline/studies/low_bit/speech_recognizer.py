"""The study `low-bit-speech`: few bits in a larger network, trained with CTC."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.pool_options import add_pool_arguments, pooled_by
from tfpipeline.studies.common.rows import Row, StudyResult

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.low_bit.speech.pool import Pool
    from tfpipeline.studies.low_bit.speech.runs import Recognizer

HELP = "character errors of three GRU layers with few bits and CTC, and of their files"
COLUMNS = (
    *("quantizer", "normalization", "rate", "seed", "cer_train", "cer_validation", "cer_test"),
    *("wer_test", "growth_first", "growth_last", "params", "ledger", "seconds"),
)
FILE_COLUMNS = (
    *("quantizer", "normalization", "mode", "seed", "bytes_portable", "bytes_fused"),
    *("cer_keras", "cer_file"),
)
# Shares of characters: what is far behind, what is near, and what a file may lose.
_FAR, _NEAR, _LOST = 0.05, 0.02, 0.003
_FIXED, _SCALED = ("BinaryConnect", "TerConnect"), ("BWN", "TWN")
_COLORS = {"none": "#3d3d3d", "BinaryConnect": "#c8553d", "TerConnect": "#33658a"}
_COLORS |= {"BWN": "#e9a178", "TWN": "#86bbd8"}
pooled = pooled_by("tfpipeline.studies.low_bit.speech.pool")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a study that trains on sentences."""
    add_pool_arguments(parser, "a corpus of sentences (LibriSpeech, WSJ or Kaldi layout)")


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train Deep Speech 2 with recurrent layers of few bits, and export some.

    Each pair of a quantizer and a normalization has the learning rate with the fewest errors of the
    first seed on validation sentences. Growth is by what a step multiplies the gradient, of the
    layer where it is largest.
    """
    from tfpipeline.studies.common.written_study import write_study

    runs = pool.searched()
    rows = [_named(row) for row in pool.rows(runs, "Recognizers")]
    files = [_named(row) for row in pool.rows(_deployed(pool, runs), "Export")]
    return write_study(
        pool.out,
        pool.about("low-bit-speech", command),
        COLUMNS,
        rows,
        [_claim_of_rates(rows, pool.settings.rates), *_claims(rows), *_claims_of_files(files)],
        lambda f: _draw(f, rows, files),
        (11, 4.4),
        further={"files": (FILE_COLUMNS, files)},
    )


def _deployed(pool: Pool, runs: list[Recognizer]) -> list[Any]:
    from tfpipeline.studies.low_bit.speech.runs import Deployed

    return [
        Deployed(one, mode)
        for quantizer, normalization, mode in pool.settings.deployed
        for one in runs
        if (one.quantizer, one.normalization) == (quantizer, normalization)
    ]


def _named(row: Row) -> Row:
    from tfpipeline.studies.low_bit.heat_map import name_of

    named: Row = {name: name_of(row[name]) for name in ("quantizer", "normalization")}
    for name in ("growth_first", "growth_last"):
        if name in row:
            named[name] = max(row[name])
    return {**row, **named}


def _means(rows: list[Row], column: str) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        found.setdefault((row["quantizer"], row["normalization"]), []).append(row[column])
    return {key: sum(values) / len(values) for key, values in found.items()}


def _claim_of_rates(rows: list[Row], rates: tuple[float, ...]) -> Claim:
    from tfpipeline.studies.common.claims import Claim

    edges = (min(rates), max(rates))
    outside = dict.fromkeys(
        f"{row['quantizer']} and {row['normalization']} {row['rate']:g}"
        for row in rows
        if row["rate"] in edges
    )
    return Claim(
        "no pair does best with the lowest or the highest learning rate there is",
        not outside,
        ", ".join(outside) or f"from {edges[0]:g} to {edges[1]:g}",
    )


def _claims(rows: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    found = _means(rows, "cer_test")
    quantizers, kinds = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
    plain = found["none", "none"]

    def numbers(kind: str, names: list[str]) -> str:
        return f"full precision {100 * plain:.1f} %; " + ", ".join(
            f"{name} {100 * found[name, kind]:.1f} %" for name in names if (name, kind) in found
        )

    claims = []
    for what, group in (("of magnitude 1", _FIXED), ("with a scale of the matrix", _SCALED)):
        names = [name for name in group if (name, "none") in found]
        if names:
            claims.append(
                Claim(
                    f"without normalization binary and ternary weights {what} mishear "
                    f"{100 * _FAR:.0f} % of the characters or more beyond full precision",
                    all(found[name, "none"] >= plain + _FAR for name in names),
                    numbers("none", names),
                )
            )
    claims += [
        Claim(
            f"with {kind} normalization {name} mishears at most {100 * _NEAR:.0f} % more than full "
            "precision without any",
            found[name, kind] <= plain + _NEAR,
            numbers(kind, ["none", name]),
        )
        for kind in kinds
        if kind != "none"
        for name in quantizers
        if name in _FIXED and (name, kind) in found
    ]
    return claims


def _claims_of_files(files: list[Row]) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean, spread

    claims = []
    for mode in dict.fromkeys(row["mode"] for row in files):
        own = [row for row in files if row["mode"] == mode]
        lost = [row["cer_file"] - row["cer_keras"] for row in own]
        claims.append(
            Claim(
                f"no file of {mode} mishears {100 * _LOST:g} % more or fewer characters than Keras",
                all(abs(value) <= _LOST for value in lost),
                f"{spread(lost)} %",
            )
        )
    whole = [row for row in files if row["mode"] == "int8"]
    for kind in dict.fromkeys(row["normalization"] for row in files if row["mode"] == "w2a8"):
        own = [row for row in files if row["mode"] == "w2a8" and row["normalization"] == kind]
        sizes = [mean(rows, "bytes_fused") / 1024 for rows in (own, whole)]
        errors = [100 * mean(rows, "cer_file") for rows in (own, whole)]
        claims.append(
            Claim(
                f"files of two bits ({kind}) have at most half of the bytes of int8 files",
                sizes[0] <= sizes[1] / 2,
                f"{sizes[0]:.1f} and {sizes[1]:.1f} KiB, {errors[0]:.1f} and {errors[1]:.1f} %",
            )
        )
    return claims


def _draw(figure: Any, rows: list[Row], files: list[Row]) -> None:
    left, right = figure.subplots(1, 2)
    kinds = list(dict.fromkeys(row["normalization"] for row in rows))
    means = _means(rows, "cer_test")
    quantizers = list(dict.fromkeys(row["quantizer"] for row in rows))
    for place, name in enumerate(quantizers):
        # Beside each other, so that equal ones are seen.
        shift = 0.08 * (place - (len(quantizers) - 1) / 2)
        own = [row for row in rows if row["quantizer"] == name]
        x = [kinds.index(row["normalization"]) + shift for row in own]
        color = _COLORS.get(name, "#777777")
        left.plot(x, [100 * row["cer_test"] for row in own], "o", color=color, alpha=0.4)
        points = [(kinds.index(kind) + shift, kind) for kind in kinds if (name, kind) in means]
        left.plot(
            [at for at, _ in points],
            [100 * means[name, kind] for _, kind in points],
            "_",
            color=color,
            markersize=18,
            markeredgewidth=2,
            label=name,
        )
    left.set_xticks(range(len(kinds)), kinds)
    left.set(xlabel="normalization; bars are means", ylabel="test CER, %", ylim=(0, None))
    left.legend(title="quantizer", fontsize=8)
    for name, kind, mode in dict.fromkeys(
        (row["quantizer"], row["normalization"], row["mode"]) for row in files
    ):
        own = [
            row
            for row in files
            if (row["quantizer"], row["normalization"], row["mode"]) == (name, kind, mode)
        ]
        right.plot(
            [(row["bytes_fused"] or row["bytes_portable"]) / 1024 for row in own],
            [100 * row["cer_file"] for row in own],
            "o",
            alpha=0.7,
            label=f"{mode}, {name}, {kind}",
        )
    right.set(xlabel="file, KiB", ylabel="test CER of the file, %", xlim=(0, None))
    right.legend(fontsize=8)
