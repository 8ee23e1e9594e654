"""Processes that stay for the next batch of tasks: each has imported what takes seconds."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from tfpipeline.worker_process import spawning

_current: tuple[Hashable, ProcessPoolExecutor] | None = None


@contextmanager
def kept_processes(count: int, environment: Hashable) -> Iterator[Executor]:
    """Give the processes of the last batch if they have this environment, else new ones.

    After an error they are ended; else with this process, or when others are wanted.

    Args:
        count: How many work at the same time.
        environment: What tells them apart from processes with other environment variables. These
            are to be set while this is open, because a process starts when the first task comes.
    """
    global _current
    wanted = (count, environment)
    if _current is not None and _current[0] != wanted:
        end_processes()
    try:
        # Forked copies of a process that runs TensorFlow hang: start fresh ones.
        with spawning() as context:
            if _current is None:
                _current = (wanted, ProcessPoolExecutor(count, mp_context=context))
            yield _current[1]
    except BaseException:
        end_processes()
        raise


def end_processes() -> None:
    """End the processes that were kept; tasks that none has begun are not done."""
    global _current
    if _current is not None:
        _current[1].shutdown(cancel_futures=True)
    _current = None
