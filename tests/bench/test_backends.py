from __future__ import annotations

import pytest

from tfpipeline.bench import backends
from tfpipeline.bench.backends import BackendBenchError, measure_in_each_mode


def test_a_process_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(backends, "MODES", (("json", False, "nothing"),))
    with pytest.raises(BackendBenchError, match="nothing: the measurement failed: .*No module"):
        measure_in_each_mode("tfpipeline.bench.missing", {})


def test_a_backend_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(backends, "MODES", (("tfpipeline_no_backend", False, "nothing"),))
    assert measure_in_each_mode("tfpipeline.bench.missing", {}) == []
