"""Benchmarks by backend: a backend that cannot be measured is a named row."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import pytest

from tfpipeline.bench import backends
from tfpipeline.bench.backends import measure_in_each_mode, run_command

pytestmark = pytest.mark.slow

FAILS = ("json", False, "a module that is no backend")
MISSING = ("tfpipeline_no_backend", False, "nobody's backend")


@dataclass(frozen=True)
class _Case:
    size: int = 3


@dataclass(frozen=True)
class _Row:
    mode: str
    figure: float


def test_a_process_that_fails_and_a_backend_that_is_missing_are_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "MODES", (FAILS, MISSING))
    failed, missing = measure_in_each_mode("tfpipeline.bench.missing", {})
    assert failed["mode"] == FAILS[2]
    assert failed["problem"].startswith("the measurement failed: ")
    assert "No module" in failed["problem"]
    assert missing["problem"] == "tfpipeline_no_backend is not installed"


@pytest.mark.parametrize(("modes", "status"), [((MISSING,), 0), ((MISSING, FAILS), 1)])
def test_the_table_names_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    modes: tuple[tuple[str, bool, str], ...],
    status: int,
) -> None:
    monkeypatch.setattr(backends, "MODES", modes)

    def command(*arguments: str) -> int:
        parser = argparse.ArgumentParser()
        parser.add_argument("--size", type=int, default=3)
        return run_command(
            "tfpipeline.bench.missing",
            parser,
            arguments,
            _Case,
            _Row,
            lambda *_: None,
            lambda rows: f"{len(rows)} rows",
        )

    assert command() == status
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "0 rows"
    assert [line[:18].strip() for line in lines[2:]] == [mode[2][:18] for mode in modes]
    assert command("--json") == status
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["mode"] for row in rows] == [mode[2] for mode in modes]
