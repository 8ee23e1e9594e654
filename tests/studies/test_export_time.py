"""The study of what an export takes, with small models and what is light in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tfpipeline.bench import describe_source
from tfpipeline.studies.common.rows import read_csv
from tfpipeline.studies.export import export_time
from tfpipeline.studies.export.memory import PeakMemory

pytestmark = pytest.mark.slow

_HOLD = (
    "import time; held = bytearray(b'x') * 60_000_000; print('ready', flush=True); time.sleep(60)"
)


def test_an_export_gives_its_row() -> None:
    (row,) = export_time.export_once(export_time._Export("gru", "no", 8, 12))
    assert row["params"] == 3 * 8 * (40 + 8 + 2) + 3 * 8 * (8 + 8 + 2) + 12 * 9
    parts = [row[name] for name in (*export_time.STEPS, "other")]
    assert min(parts) >= 0 and sum(parts) == pytest.approx(row["seconds"])
    assert row["peak_gb"] is None or row["peak_gb"] > 0.1


def test_a_study_measures_each_export_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_time, "export_once", _row)
    monkeypatch.setattr("tfpipeline.studies.common.tasks.run_tasks", _in_this_process)
    result = export_time.run(tmp_path, samples=3, command="study")
    table = read_csv(tmp_path / "export_time.csv")
    assert [(row["cell"], row["streaming"]) for row in table] == [
        *(("gru", "no"), ("gru", "both"), ("lstm", "no"), ("lstm", "both")),
    ]
    about = json.loads((tmp_path / "export_time.json").read_text())
    assert {key: about[key] for key in ("commit", "dirty")} == describe_source()
    assert "gru, 9.6 M parameters, streaming no: 20.0 s, 2.8 GB at most" in result.summary
    monkeypatch.setattr(export_time, "export_once", None)
    assert export_time.run(tmp_path, samples=3).rows == result.rows


def _row(task: export_time._Export) -> list[dict[str, object]]:
    steps = dict.fromkeys((*export_time.STEPS, "other"), 4.0)
    own = {"cell": task.cell, "streaming": task.streaming, "samples": task.samples}
    return [{**own, "params": 9_600_000, "seconds": 20.0, **steps, "peak_gb": 2.8}]


def _in_this_process(tasks, work, store, label, fresh):  # type: ignore[no-untyped-def]
    assert fresh
    for task in tasks:
        if task.rows[0] not in store:
            store.add(work(task)[0])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system has no /proc")
def test_the_memory_of_children_counts() -> None:
    before = PeakMemory()
    with before:
        pass
    with (
        PeakMemory() as memory,
        subprocess.Popen([sys.executable, "-c", _HOLD], stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        memory._sample()
        child.kill()
    assert memory.bytes is not None and before.bytes is not None
    assert memory.bytes > before.bytes + 50_000_000
