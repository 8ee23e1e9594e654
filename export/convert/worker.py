"""Calls the TensorFlow Lite converter in a process of its own, with a time limit.

The process is kept for the next conversion: importing TensorFlow takes longer than converting a
small model. It also tries written files (`run_once.py`). When it crashes or hangs, only it is lost,
and the next call starts another.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tfpipeline.export.errors import ConversionError
from tfpipeline.worker_process import worker_command, worker_environment

_TIME_LIMIT_SECONDS = 300.0
_CONVERSIONS_OF_A_WORKER = 100
"""Then it is replaced: the converter leaks."""


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
    """Run the jobs in a worker process; a failure becomes one sentence with the log's path.

    Paths may be relative: the worker gets absolute ones, since it stays in the folder in which
    the first conversion was asked for.
    """
    jobs = [
        replace(
            job, saved_model=os.path.abspath(job.saved_model), output=os.path.abspath(job.output)
        )
        for job in jobs
    ]
    request = {"task": "convert", "jobs": [asdict(job) for job in jobs]}
    failed = in_worker(request, workdir, time_limit, len(jobs))
    if failed is not None:
        reason, log = failed
        raise ConversionError(f"the TensorFlow Lite converter {reason} (log: {log})")


def in_worker(
    request: dict[str, Any], workdir: Path, time_limit: float, conversions: int = 0
) -> tuple[str, Path] | None:
    """Have the worker process do something; return why it failed and where the log is, or None."""
    log = (workdir / "converter.log").absolute()
    log.touch()
    with _lock:
        reason = _worker().run(request, log, time_limit, conversions)
    return None if reason is None else (reason, _keep(log))


def close_worker() -> None:
    """End the worker process, if there is one; the next conversion starts another."""
    global _current
    if _current is not None:
        _current.close()
    _current = None


class _Worker:
    """A process that converts until its input ends."""

    def __init__(self) -> None:
        self.executable = sys.executable
        self._left = _CONVERSIONS_OF_A_WORKER
        command = worker_command("tfpipeline.export.convert.worker_main")
        # What it says before it knows the log: why it does not start.
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115  closed in close()
        self._process = subprocess.Popen(
            command,
            env=worker_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            start_new_session=True,  # Ctrl-C is for the parent, which then closes our input.
        )

    @property
    def usable(self) -> bool:
        alive = self._process.poll() is None and self._left > 0
        return alive and self.executable == sys.executable

    def run(
        self, request: dict[str, Any], log: Path, time_limit: float, conversions: int
    ) -> str | None:
        """Return why the request failed, or None."""
        self._left -= conversions
        line = json.dumps({**request, "log": str(log)})
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
            answer = self._answer(time.monotonic() + time_limit)
        except BrokenPipeError:
            answer = {}
        except TimeoutError:
            self._kill()
            return f"did not finish within {time_limit:.0f} s"
        except BaseException:
            # Interrupted: what it was doing is no longer wanted.
            self._kill()
            raise
        if answer:
            error: str | None = answer["error"]
            return error
        code = self._process.wait()
        self._last_words.seek(0)
        with log.open("ab") as file:
            file.write(self._last_words.read())
        if code < 0:
            return f"crashed with {signal.Signals(-code).name}"
        return f"failed with exit status {code}"

    def _answer(self, deadline: float) -> dict[str, Any]:
        """Return the worker's next line; empty when it died."""
        assert self._process.stdout is not None
        descriptor, received = self._process.stdout.fileno(), b""
        while not received.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
            part = os.read(descriptor, 65536)
            if not part:
                return {}
            received += part
        answer: dict[str, Any] = json.loads(received)
        return answer

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def leave(self) -> None:
        """Close a forked child's copies of the pipes; nothing that they hold is written."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.raw.close()  # type: ignore[attr-defined]

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._last_words):
            if stream is not None:
                # Closing writes what a worker that died did not read.
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._kill()


_lock = threading.Lock()
_current: _Worker | None = None


def _worker() -> _Worker:
    global _current
    if _current is None or not _current.usable:
        close_worker()
        _current = _Worker()
    return _current


def _leave_worker() -> None:
    """In a forked child: the worker, and whoever held the lock, are the parent's."""
    global _current, _lock
    _lock = threading.Lock()
    if _current is not None:
        _current.leave()
    _current = None


atexit.register(close_worker)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_worker)


def _keep(log: Path) -> Path:
    """Copy the log out of the temporary work folder, so that the message can name it."""
    with tempfile.NamedTemporaryFile(
        prefix="tfpipeline-converter-", suffix=".log", delete=False
    ) as kept:
        kept.write(log.read_bytes())
    return Path(kept.name)
