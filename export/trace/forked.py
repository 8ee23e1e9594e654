"""Refuses to export in a process that was forked from one in which TensorFlow had started.

TensorFlow's threads do not exist there, and its next graph would wait for them for ever.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tfpipeline.export.errors import ExportError


def refuse_forked() -> None:
    """Check that TensorFlow has its threads.

    Raises:
        ExportError: It has not.
    """
    if _forked:
        raise ExportError(
            "this process was forked from one in which TensorFlow had started, and would hang: "
            "export there, or start the process with multiprocessing.get_context('spawn')"
        )


def _started() -> bool:
    context = getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)
    return getattr(context, "_context_handle", None) is not None


def _alone() -> bool:
    """Return whether this process has one thread, where the system tells."""
    tasks = Path("/proc/self/task")
    return tasks.is_dir() and len(list(tasks.iterdir())) == 1


def _note_fork() -> None:
    global _forked
    _forked = _forked or _started()


# Imported in the child only: TensorFlow with a single thread is one that lost the others.
_forked = _started() and _alone()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
