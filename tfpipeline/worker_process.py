"""Starts Python processes that run no code from the current folder.

Python puts the current folder first on the path of `-m`, of `-c` and of what multiprocessing
spawns, and an empty entry of PYTHONPATH means it, too: a `numpy.py` or a `json.py` that lies where
a user works would run instead of the real one. Every process that this package starts comes from
here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext

_LONGEST_LINE = 200


def python_command(*arguments: str, python: str | None = None) -> list[str]:
    """Return a command of Python without the current or a script's folder on its path.

    Args:
        arguments: Of Python itself: `"-c", CODE`, or a script and its arguments.
        python: Another Python (3.11 or later); None for this one.
    """
    return [python or sys.executable, "-P", *arguments]


def worker_command(module: str, *arguments: str, python: str | None = None) -> list[str]:
    """Return the command that runs a module as a program; see `python_command`.

    Run it with `worker_environment()`: PYTHONPATH can name the current folder as well.

    Args:
        module: Its full name, for `-m`.
        arguments: Of the program.
        python: Another Python (3.11 or later); None for this one.
    """
    return python_command("-m", module, *arguments, python=python)


def worker_environment(**changes: str) -> dict[str, str]:
    """Return this process' environment without what stands for the current folder.

    Args:
        changes: Variables that the worker gets besides, or in place of ours.
    """
    environment = {**os.environ, **changes, "PYTHONSAFEPATH": "1"}
    named = environment.pop("PYTHONPATH", "").split(os.pathsep)
    if kept := [entry for entry in named if not _means_current_folder(entry)]:
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    return environment


@dataclass(frozen=True)
class WorkerResult:
    """What a process printed and how it ended.

    Attributes:
        status: Its exit status; -N when signal N ended it; None when its time was over.
        stdout: What it printed, with replacement characters for bytes that are no UTF-8.
        stderr: Likewise.
        end: How it ended, in words that follow its name: `crashed with SIGSEGV`.
    """

    status: int | None
    stdout: str
    stderr: str
    end: str

    @property
    def reason(self) -> str:
        """The last line that it printed to stderr: the message of a Python error; or ""."""
        lines = self.stderr.strip().splitlines()
        return lines[-1].strip() if lines else ""


def run_worker(
    command: Sequence[str], *, seconds: float | None = None, **changes: str
) -> WorkerResult:
    """Run a command of `worker_command` or `python_command`, without an input, to its end.

    It runs with `worker_environment()`, and whatever becomes of it is a result and no exception.

    Args:
        command: Of a Python process.
        seconds: After which it is killed; None waits as long as it takes.
        changes: Variables that it gets besides, or in place of ours.
    """
    try:
        done = subprocess.run(
            command,
            env=worker_environment(**changes),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        printed = (_text(late.stdout), _text(late.stderr))
        return WorkerResult(None, *printed, f"did not finish in {seconds:.0f} s")
    found = WorkerResult(done.returncode, done.stdout, done.stderr, "")
    if done.returncode < 0:
        return replace(found, end=f"crashed with {signal_name(-done.returncode)}")
    said = found.reason[:_LONGEST_LINE] or "nothing"
    return replace(found, end=f"ended with status {done.returncode} and said: {said}")


def signal_name(number: int) -> str:
    """Return the name of a signal: `SIGSEGV` for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _text(printed: bytes | str | None) -> str:
    """Return what a process printed before its time was over: bytes, whatever was asked for."""
    return printed.decode(errors="replace") if isinstance(printed, bytes) else printed or ""


@contextmanager
def spawning() -> Iterator[SpawnContext]:
    """Give the context for a pool of processes; they must start before this is left.

    What multiprocessing spawns takes `os.environ` and `sys.path` of this process, so both are
    changed meanwhile.
    """
    import multiprocessing

    environment, path = dict(os.environ), list(sys.path)
    safe = worker_environment()
    try:
        for name in ("PYTHONSAFEPATH", "PYTHONPATH"):
            _set_variable(name, safe.get(name))
        leave_current_folder()
        yield multiprocessing.get_context("spawn")
    finally:
        for name in ("PYTHONSAFEPATH", "PYTHONPATH"):
            _set_variable(name, environment.get(name))
        sys.path[:] = path


def leave_current_folder() -> None:
    """Take the current folder off this process' path, where `-m` or `-c` has put it."""
    if sys.path and not sys.flags.safe_path:
        first = sys.path[0]
        if _means_current_folder(first) or (_runs_a_module() and first == _current_folder()):
            del sys.path[0]


def _runs_a_module() -> bool:
    main = sys.modules.get("__main__")
    return getattr(main, "__spec__", None) is not None


def _means_current_folder(entry: str) -> bool:
    """Whether it is empty, `.` or the like; a folder that is named in full was meant to be used."""
    if not entry or os.path.isabs(entry):
        return not entry
    folder = _current_folder()
    return os.path.normpath(os.path.join(folder, entry)) == os.path.normpath(folder)


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        # It was deleted: what lies in it cannot run.
        return ""


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
