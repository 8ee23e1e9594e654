from __future__ import annotations

import json

import numpy as np
import pytest

from tfpipeline.bench.ctc import CTCCase, CTCRow, ctc_calls, main

pytestmark = pytest.mark.slow

SMALL = CTCCase(batch=2, frames=9, symbols=5, label=3)


@pytest.mark.parametrize("xla", [False, True])
def test_all_candidates_compute_the_same(xla):
    found = {name: call() for name, call in ctc_calls(SMALL, xla).items()}
    assert set(found) == ({"ours", "keras"} if xla else {"ours", "keras", "kernel"})
    loss, gradient = found.pop("ours")
    for other_loss, other_gradient in found.values():
        np.testing.assert_allclose(other_loss, loss, rtol=1e-5)
        np.testing.assert_allclose(other_gradient, gradient, atol=1e-5)


def test_a_task_is_what_a_process_gets(capsys):
    task = {"case": vars(SMALL), "mode": "m", "xla": False, "rounds": 1}
    assert main(["--task", json.dumps(task)]) == 0
    row = CTCRow(**json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert row.mode == "m" and row.kernel is not None and min(row.ours, row.keras, row.kernel) > 0


def test_prints_what_the_processes_measured(monkeypatch, capsys):
    rows = [row_of("TensorFlow graph", 5.6), row_of("JAX", None)]
    monkeypatch.setattr("tfpipeline.bench.backends.measure_in_each_mode", lambda *_: rows)
    assert main(["--label", "7"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "label=7" in printed[0]
    assert printed[2].split()[-3:] == ["11.0", "76.0", "5.6"] and printed[3].split()[-1] == "-"


def test_its_json_says_what_measured_it(monkeypatch, capsys):
    rows = [row_of("JAX", None)]
    monkeypatch.setattr("tfpipeline.bench.backends.measure_in_each_mode", lambda *_: rows)
    assert main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == rows and {"commit", "dirty", "machine", "case"} <= set(found)


def test_a_measurement_that_fails_is_a_row(monkeypatch, capsys):
    monkeypatch.setattr("tfpipeline.bench.backends.MODES", (("tensorflow", False, "TensorFlow"),))
    assert main(["--label", "60", "--frames", "52"]) == 1
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("TensorFlow")
    assert "the measurement failed: ValueError: `frames` must leave room" in said


def row_of(mode: str, kernel: float | None) -> dict[str, object]:
    return {"mode": mode, "ours": 11.0, "keras": 76.0, "kernel": kernel}
