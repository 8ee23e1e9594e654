"""docs/results/micro.md against the table beside it, and the table's goal."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from compiled import need_boards
from micro.results import measure
from micro.subjects import SUBJECTS, Subject

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
#: What the paper measured of an utterance, in ms.
PAPER = 537.0
_SHOWN = (
    *("instructions of a step [counted]", "multiplies of a step [counted]"),
    *("loads of a step [counted]", "cycles of a step [modelled]"),
    *("ms of an utterance [modelled]", "with waiting flash [modelled bound]"),
    *("with a multiplier of 32 cycles [modelled]", "flash of tables [linked]"),
    "flash of code [linked]",
)


def rows() -> list[dict[str, str]]:
    lines = (RESULTS / "micro-steps.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def test_the_page_has_the_numbers_of_the_table() -> None:
    page = (RESULTS / "micro.md").read_text(encoding="utf-8")
    assert [row["model"] for row in rows()[::2]] == [subject.name for subject in SUBJECTS]
    for row in rows():
        numbers = [row[key] if "." in row[key] else f"{int(row[key]):,}" for key in _SHOWN]
        name = row["model"].removeprefix("Google-12, ")
        cells = [name, f"`{row['gcc']}`", *numbers]
        assert f"| {' | '.join(cells)} |" in page


def test_an_utterance_takes_clearly_less_than_in_the_paper() -> None:
    for row in rows():
        if "low rank" in row["model"]:
            assert float(row["with waiting flash [modelled bound]"]) < PAPER / 2


@pytest.mark.slow
def test_a_small_shape_is_measured(tmp_path: Path) -> None:
    need_boards()
    subject = Subject("small", 5, 11, (3, 4), classes=4, kept=0.5, steps=7)
    row = measure(subject, "-O2", tmp_path)
    # 11 states of int16; a ring of 10 frames and sums of 4 words, and two counters.
    assert row["RAM of states [linked]"] == 2 * 11 + 2 * 10 * 4 + 4 * 4 + 8
    assert row["flash of tables [linked]"] < 1000 and row["gcc"] == "-O2"
    steps = 7 * int(str(row["cycles of a step [modelled]"]))
    assert float(str(row["ms of an utterance [modelled]"])) >= round(steps / 48000, 1)
