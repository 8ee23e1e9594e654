from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from recurrent_kinds import TWIN_KINDS

from tfpipeline.bench.training import TrainingCase, TrainingRow, main, time_training

pytestmark = pytest.mark.slow

SMALL = TrainingCase(batch=2, frames=3, features=6, units=8, rank=2)


@pytest.mark.parametrize("cell", TWIN_KINDS)
def test_times_the_three_layers(cell):
    row = time_training(TrainingCase(**{**vars(SMALL), "cell": cell}), "here", False, rounds=1)
    assert row.mode == "here" and min(row.dense, row.full, row.low) > 0
    assert row.full_over_dense == row.full / row.dense


def test_prints_what_the_processes_measured(monkeypatch, capsys):
    rows = [asdict(TrainingRow("TensorFlow graph", 10.0, 11.0, 4.0))]
    monkeypatch.setattr("tfpipeline.bench.backends.measure_in_each_mode", lambda *_: rows)
    assert main(["--units", "64", "--rank", "16"]) == 0
    assert "1.10       2.50" in capsys.readouterr().out
    main(["--json", "--features", "40"])
    written = json.loads(capsys.readouterr().out)
    assert written["case"]["features"] == 40 and written["rows"][0]["low"] == 4.0


def test_a_task_is_what_a_process_gets(capsys):
    task = {"case": vars(SMALL), "mode": "m", "xla": False, "rounds": 1}
    assert main(["--task", json.dumps(task)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["mode"] == "m"
