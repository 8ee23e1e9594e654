"""Rows that survive an interruption, and tasks that are done once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from logged_tasks import LoggedTask, work

from tfpipeline.studies.common.processes import end_processes
from tfpipeline.studies.common.rows import RowStore, StudyError, read_csv, write_csv
from tfpipeline.studies.common.tasks import run_tasks

_BASIS = {"numpy": "2.0", "seed": 0}


def test_rows_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    store = RowStore(path, ("name", "seed"), _BASIS)
    store.add({"name": "a", "seed": 0, "loss": 0.5, "curve": [1.0, 2.0]})
    again = RowStore(path, ("name", "seed"), _BASIS)
    assert {"name": "a", "seed": 0} in again
    assert {"name": "a", "seed": 1} not in again
    assert again.rows([{"name": "a", "seed": 0}])[0]["curve"] == [1.0, 2.0]


def test_a_row_cut_off_by_an_interruption_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    store = RowStore(path, ("name",), _BASIS)
    store.add({"name": "a"})
    store.add({"name": "b"})
    path.write_text(path.read_text()[:-5])
    again = RowStore(path, ("name",), _BASIS)
    assert {"name": "a"} in again and {"name": "b"} not in again
    again.add({"name": "b"})
    assert {"name": "b"} in RowStore(path, ("name",), _BASIS)


def test_rows_of_another_basis_are_not_mixed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    RowStore(path, ("name",), _BASIS)
    with pytest.raises(StudyError, match="rows found with other numpy: delete it, or choose"):
        RowStore(path, ("name",), {**_BASIS, "numpy": "2.1"})


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(
        path, ("a", "b"), [{"a": 1 / 3, "b": None, "c": "left out"}, {"a": "x, y", "b": True}]
    )
    assert read_csv(path) == [{"a": "0.3333", "b": ""}, {"a": "x, y", "b": "True"}]


@pytest.mark.parametrize("processes", [1, 2])
def test_finished_tasks_are_not_done_again(tmp_path: Path, processes: int) -> None:
    tasks = [LoggedTask(name, tmp_path) for name in "ab"]
    store = RowStore(tmp_path / "rows.jsonl", ("name", "part"), _BASIS)
    run_tasks(tasks[:1], work, store, "Working", processes)
    run_tasks(tasks, work, store, "Working", processes)
    assert (tmp_path / "log").read_text() == "ab"
    rows = store.rows([row for task in tasks for row in task.rows])
    assert [row["value"] for row in rows] == ["aa", "aa", "bb", "bb"]


def test_rows_of_a_task_that_fails_are_kept(tmp_path: Path) -> None:
    task = LoggedTask("a", tmp_path)
    store = RowStore(tmp_path / "rows.jsonl", ("name", "part"), _BASIS)
    (tmp_path / "fails").touch()
    with pytest.raises(RuntimeError, match="interrupted"):
        run_tasks([task], work, store, "Working")
    assert task.rows[0] in store and task.rows[1] not in store


def test_processes_of_one_environment_stay_for_the_next_tasks(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "rows.jsonl", ("name", "part"), _BASIS)

    def process(name: str, environment: str) -> int:
        task = LoggedTask(name, tmp_path)
        run_tasks([task], work, store, "Working", fresh=True, environment=environment)
        (row, _) = store.rows(task.rows)
        found: int = row["process"]
        return found

    try:
        first = process("a", "one")
        assert first != os.getpid() and process("b", "one") == first
        other = process("c", "another")
        assert other != first
        (tmp_path / "fails").touch()
        with pytest.raises(RuntimeError, match="interrupted"):
            process("d", "another")
        (tmp_path / "fails").unlink()
        assert process("d", "another") != other
    finally:
        end_processes()
