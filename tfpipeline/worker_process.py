"""Starts Python processes that run no code from the current folder.

Python puts the current folder first on the path of `-m`, of `-c` and of what multiprocessing
spawns, and an empty entry of PYTHONPATH means it, too: a `numpy.py` or a `json.py` that lies where
a user works would run instead of the real one. Every process that this package starts comes from
here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext


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
