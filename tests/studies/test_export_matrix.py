"""The committed matrix against the exporter: all pairs of levels, and every kind of refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tfpipeline.studies.common.rows import Row, read_csv
from tfpipeline.studies.export.matrix import (
    COLUMNS,
    FACTORS,
    all_cases,
    fill,
    quick_cases,
    tasks_of,
)
from tfpipeline.studies.export.matrix_table import support_page

pytestmark = pytest.mark.long

_ROOT = Path(__file__).parents[2]
_TABLE = _ROOT / "docs" / "results" / "export_matrix.csv"


@pytest.fixture(scope="module")
def committed() -> dict[tuple[str, ...], dict[str, str]]:
    return {tuple(row[name] for name in FACTORS): row for row in read_csv(_TABLE)}


def _by_model() -> dict[str, list[Row]]:
    return {task.rows[0]["model"]: list(task.rows) for task in tasks_of(quick_cases(), None)}


@pytest.mark.parametrize("model", list(FACTORS["model"]))
def test_the_exporter_does_what_the_matrix_says(
    committed: dict[tuple[str, ...], dict[str, str]], model: str
) -> None:
    (task,) = tasks_of(_by_model()[model], None)
    differences = list(_differences(fill(task), committed))
    assert differences == []


def _differences(
    rows: Iterator[Row], committed: dict[tuple[str, ...], dict[str, str]]
) -> Iterator[str]:
    for row in rows:
        key = tuple(str(row[name]) for name in FACTORS)
        said = committed[key]
        if (row["outcome"], row["reason"] or "") != (said["outcome"], said["reason"]):
            yield f"{key}: {row['outcome']} {row['reason']}, the table has {said['outcome']}"
        elif row["outcome"] == "passed" and not row["relative_error"] <= _bound(said):
            yield f"{key}: error {row['relative_error']}, the table has {said['relative_error']}"


def _bound(said: dict[str, str]) -> float:
    """Random weights and their rounding are the same; other processors sum in other orders."""
    return 1.3 * float(said["relative_error"]) + 1e-3


def test_the_matrix_is_complete_and_nothing_in_it_fails(
    committed: dict[tuple[str, ...], dict[str, str]],
) -> None:
    expected = {tuple(str(case[name]) for name in FACTORS) for case in all_cases()}
    assert set(committed) == expected
    assert {row["outcome"] for row in committed.values()} == {"passed", "impossible"}
    assert all(row["reason"] for row in committed.values() if row["outcome"] == "impossible")
    assert set(next(iter(committed.values()))) == set(COLUMNS)


def test_the_page_is_what_the_table_gives() -> None:
    page = (_ROOT / "docs" / "export_support.md").read_text(encoding="utf-8")
    assert page == support_page(_TABLE), (
        "docs/export_support.md is not made from docs/results/export_matrix.csv: run "
        "`tfpipeline study export-matrix --out docs/results --page docs/export_support.md`"
    )
