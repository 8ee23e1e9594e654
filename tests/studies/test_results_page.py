"""The numbers of the page on the low-rank studies are those of the tables beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tfpipeline.studies.rows import Row, read_csv

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
# Table, what names a setting, columns of the errors on validation and test speakers.
TABLES = [
    ("size_against_error", ("start", "budget"), "cer"),
    ("transition_epoch", ("epochs", "budget", "kind", "transition"), "cer"),
    ("low_rank_or_sparse", ("family", "setting"), "cer_int8"),
    ("low_rank_runs", ("setting",), "cer"),
]


def settings(table: str, keys: tuple[str, ...]) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in read_csv(RESULTS / f"{table}.csv"):
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


@pytest.mark.parametrize(("table", "keys", "error"), TABLES, ids=[table for table, *_ in TABLES])
def test_errors_on_validation_and_on_test_speakers(
    table: str, keys: tuple[str, ...], error: str
) -> None:
    page = (RESULTS / "low_rank.md").read_text(encoding="utf-8").replace("*", "")
    for setting, rows in settings(table, keys).items():
        own, test = (
            [100 * float(row[f"{error}_{split}"]) for row in rows]
            for split in ("validation", "test")
        )
        written = (
            rf"{sum(own) / len(own):.1f} % \({min(own):.1f} to {max(own):.1f}\)"
            rf"(, | \| |, test ){sum(test) / len(test):.1f}"
        )
        assert re.search(written, page), (table, setting, written)
