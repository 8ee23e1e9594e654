"""A one-line progress bar on standard error, without dependencies."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")

_WIDTH = 28
_REDRAW_SECONDS = 0.1


class ProgressBar:
    """Counts work done; draws on a terminal, and prints one closing line elsewhere."""

    def __init__(self, label: str, total: int | None = None, stream: TextIO | None = None) -> None:
        self.label = label
        self.total = total
        self.done = 0
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> ProgressBar:
        if not self._live:
            self._stream.write(f"{self.label} ...\n")
        self._draw(force=True)
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        seconds = time.monotonic() - self._started
        outcome = "done" if exc_type is None else "stopped"
        count = f" {self.done}" + (f"/{self.total}" if self.total else "") if self.done else ""
        start = "\r\x1b[K" if self._live else ""
        self._stream.write(f"{start}{self.label}: {outcome}{count} in {seconds:.1f} s\n")
        self._stream.flush()

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Add `amount` to the work done; `note` is shown at the end of the line."""
        self.done += amount
        self._draw(note=note)

    def _draw(self, note: str = "", force: bool = False) -> None:
        now = time.monotonic()
        if not self._live or (not force and now - self._drawn < _REDRAW_SECONDS):
            return
        self._drawn = now
        if self.total:
            filled = min(_WIDTH, _WIDTH * self.done // self.total)
            bar = "#" * filled + "." * (_WIDTH - filled)
            text = f"{self.label} [{bar}] {self.done}/{self.total}"
        else:
            text = f"{self.label} {self.done}"
        self._stream.write(f"\r\x1b[K{text} {note}")
        self._stream.flush()


def progress(label: str, total: int | None = None, stream: TextIO | None = None) -> ProgressBar:
    """Return a progress bar to be used as a context manager."""
    return ProgressBar(label, total, stream)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` while a progress bar counts them."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with ProgressBar(label, total) as bar:
        for item in items:
            yield item
            bar.advance()
