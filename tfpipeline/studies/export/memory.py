"""How much memory a process and its children hold at most."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from types import TracebackType

_SAMPLE_SECONDS = 0.1
_PROC = Path("/proc")


class PeakMemory:
    """Samples the resident memory of this process and its children while a block runs.

    Pages that processes share count once for each, so the figure errs on the large side.

    Attributes:
        bytes: the largest sum that was seen; None where the system has no `/proc`.
    """

    def __init__(self) -> None:
        self.bytes: int | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ends.wait(_SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        if (_PROC / "self" / "task").is_dir():
            held = _resident(os.getpid()) + sum(map(_resident, _children(os.getpid())))
            self.bytes = max(self.bytes or 0, held)


def _resident(process: int) -> int:
    # It may have ended since it was listed.
    with contextlib.suppress(OSError, IndexError):
        pages = int((_PROC / str(process) / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def _children(process: int) -> list[int]:
    found = []
    for task in (_PROC / str(process) / "task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found
