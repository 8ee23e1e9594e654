"""Calls the TensorFlow Lite converter in a process of its own, with a time limit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tfpipeline.export.errors import ConversionError

_TIME_LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class ConversionJob:
    """One conversion: a SavedModel in, a `.tflite` file out."""

    saved_model: str
    output: str
    quantize: str = "float32"
    custom_ops: bool = False


def convert(
    jobs: list[ConversionJob], workdir: Path, time_limit: float = _TIME_LIMIT_SECONDS
) -> None:
    """Runs the jobs in one worker process; a failure becomes one sentence with the log's path."""
    jobs_file = workdir / "jobs.json"
    jobs_file.write_text(json.dumps([asdict(job) for job in jobs]))
    command = [sys.executable, "-m", "tfpipeline.export.convert_worker", str(jobs_file)]
    log = workdir / "converter.log"
    with log.open("wb") as stream:
        try:
            code = subprocess.run(
                command, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, timeout=time_limit
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    if code == 0:
        return
    if code is None:
        reason = f"did not finish within {time_limit:.0f} s"
    elif code < 0:
        reason = f"crashed with {signal.Signals(-code).name}"
    else:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        reason = f"failed: {lines[-1][:300]}" if lines else f"failed with exit status {code}"
    raise ConversionError(f"the TensorFlow Lite converter {reason} (log: {_keep(log)})")


def _keep(log: Path) -> Path:
    """Copies the log out of the temporary work folder, so that the message can name it."""
    with tempfile.NamedTemporaryFile(
        prefix="tfpipeline-converter-", suffix=".log", delete=False
    ) as kept:
        kept.write(log.read_bytes())
    return Path(kept.name)
