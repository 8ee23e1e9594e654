"""The study of time and size against the stock converter: its table names what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfpipeline.studies.common.rows import read_csv
from tfpipeline.studies.export import export_speed
from tfpipeline.studies.export.stock_files import write_stock_files

pytestmark = pytest.mark.slow


def test_a_model_is_timed_against_the_stock_file_of_its_mode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export_speed, "MODES", ("dynamic",))
    (row,) = export_speed.measure(export_speed.SpeedTask("factored_dense", 2))
    assert (row["model"], row["mode"], row["note"]) == ("factored_dense", "dynamic", None)
    assert min(row["us"], row["stock_us"]) > 0 and row["us"] <= row["median_us"]
    assert row["times_as_long"] == row["us"] / row["stock_us"]
    # A few hundred weights: what is more than the stock file is the model card.
    assert row["bytes"] - row["card_bytes"] <= row["stock_bytes"]


def test_a_converter_that_ends_its_process_is_a_reason_for_each_mode(tmp_path: Path) -> None:
    problems = write_stock_files("no such model", ("float32", "int8"), tmp_path)
    assert list(problems) == ["float32", "int8"]
    for problem in problems.values():
        assert problem == "the converter ended with status 1 and said: KeyError: 'no such model'"


def test_the_summary_names_what_is_slower_larger_and_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_speed, "measure", _rows)
    result = export_speed.run(tmp_path, quick=True, command="study", rounds=3)
    first, *lines = result.summary.splitlines()
    assert first.startswith("12 pairs of files: 3 of ours take more than 1.05 times")
    assert "slower: gru, dynamic: 1.40 times as long, 14.0 us" in lines
    assert "larger: gru, float16: 200 bytes, stock 100" in lines
    assert "gru, int8: no stock file: the converter crashed with SIGSEGV" in lines
    # Slow in one of the two figures only: the machine's doing.
    assert not any(line.startswith("slower: gru, int16x8") for line in lines)
    table = {(row["model"], row["mode"]): row for row in read_csv(tmp_path / "export_speed.csv")}
    assert len(table) == 15 and table["gru", "int8"]["times_as_long"] == ""


def _rows(task: export_speed.SpeedTask) -> list[dict[str, Any]]:
    def row(mode: str, least: float, median: float, size: int) -> dict[str, Any]:
        return {
            **dict.fromkeys(export_speed.COLUMNS),
            "model": task.model,
            "mode": mode,
            "us": 10.0 * least,
            "stock_us": 10.0,
            "times_as_long": least,
            "median_us": 20.0 * median,
            "stock_median_us": 20.0,
            "times_as_long_median": median,
            "bytes": size,
            "card_bytes": 20,
            "stock_bytes": 100,
        }

    nothing = {**dict.fromkeys(export_speed.COLUMNS), "model": task.model, "mode": "int8"}
    return [
        row("float32", 0.5, 0.6, 90),
        row("float16", 1.0, 1.0, 200),
        row("dynamic", 1.4, 1.2, 110),
        {**nothing, "note": "no stock file: the converter crashed with SIGSEGV"},
        row("int16x8", 1.5, 1.0, 90),
    ]
