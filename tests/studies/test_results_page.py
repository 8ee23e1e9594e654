"""The numbers of the page on the low-rank studies are those of the tables beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tfpipeline.studies.common.rows import Row, read_csv

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
# Table, what names a setting, columns of the errors on validation and test speakers.
TABLES = [
    ("size_against_error", ("start", "budget"), "cer"),
    ("transition_epoch", ("epochs", "budget", "kind", "transition"), "cer"),
    ("low_rank_or_sparse", ("family", "setting"), "cer_int8"),
    ("low_rank_runs", ("setting",), "cer"),
]

# "18.6 % (17.7 to 19.4), test 19.9": mean and range on validation speakers, mean on test speakers.
_WRITTEN = re.compile(r"(\d+\.\d) % \((\d+\.\d) to (\d+\.\d)\)(?:, test |, | \| )(\d+\.\d)")


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
    written = [tuple(map(float, match.groups())) for match in _WRITTEN.finditer(page)]
    for setting, rows in settings(table, keys).items():
        own, test = (
            [100 * float(row[f"{error}_{split}"]) for row in rows]
            for split in ("validation", "test")
        )
        found = (sum(own) / len(own), min(own), max(own), sum(test) / len(test))
        # Half of the last digit, because the table's own digits may end on a five.
        assert any(
            all(abs(a - b) < 0.0501 for a, b in zip(found, four, strict=True)) for four in written
        ), (table, setting, found)


def test_alpha_and_beta_by_length() -> None:
    page = (RESULTS / "fastgrnn.md").read_text(encoding="utf-8")
    found: dict[tuple[str, str, int], list[Row]] = {}
    for row in read_csv(RESULTS / "alpha_beta.csv"):
        found.setdefault((row["data"], row["start"], int(row["steps"])), []).append(row)
    assert all(len(rows) == 3 for rows in found.values())

    def means(start: str, column: str, form: str, factor: float = 1.0) -> str:
        """A row of the page's table: both kinds of data, long sequences first."""
        keys = [key for key in found if key[1] == start]
        keys.sort(key=lambda key: (key[0], -key[2]))
        return " | ".join(
            format(factor * sum(float(row[column]) for row in found[key]) / 3, form) for key in keys
        )

    for start in ("paper", "even", "tied"):
        assert f": alpha | {means(start, 'alpha', '.3f')} |" in page, start
        assert f"| test accuracy, % | {means(start, 'test', '.1f', 100)} |" in page, start
        if start != "tied":
            assert f"| beta | {means(start, 'beta', '.3f')} |" in page, start
