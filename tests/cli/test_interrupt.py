"""Ctrl-C: status 130, one line, and no half-written files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 120


def interrupt_when(ready: object, arguments: list[str]) -> tuple[int, str]:
    """Starts the command, sends Ctrl-C to it and its children when `ready()`; status and stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tfpipeline.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that a script started in the background inherit that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert callable(ready)
    ends = time.monotonic() + PATIENCE_SECONDS
    while not ready() and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, errors


@pytest.mark.skipif(os.name == "nt", reason="process groups are a POSIX matter")
def test_an_interrupted_demo_leaves_nothing_half_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, errors = interrupt_when(
        lambda: len(list(out.glob(".*/*/*.wav"))) > 20,
        ["demo", "--quick", "--out", str(out)],
    )
    assert status == 130, errors
    assert "Traceback" not in errors
    assert errors.strip().splitlines()[-1].startswith("interrupted")
    assert [path.name for path in out.rglob("*")] == []
