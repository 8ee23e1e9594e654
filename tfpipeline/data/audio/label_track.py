"""Label tracks: what is heard in a recording, and when, as Audacity writes it."""

from __future__ import annotations

import dataclasses
import math
import os
import stat
from pathlib import Path

from tfpipeline.data.errors import DataError

# An hour of speech is 10,000 words, of 40 bytes each.
_MOST_BYTES = 1 << 26


@dataclasses.dataclass(frozen=True)
class LabelledInterval:
    """Something that is heard in a recording.

    Args:
        start: where it begins, seconds.
        end: where it ends, seconds, not before `start`.
        label: what it is.
    """

    start: float
    end: float
    label: str


def read_label_track(path: str | os.PathLike[str]) -> list[LabelledInterval]:
    r"""Read the label file of a recording: a line `START<TAB>END<TAB>LABEL` each, in seconds.

    Audacity writes it (File > Export > Export Labels). Its lines that begin with a backslash, which
    tell frequencies of the label before, are left out, and so are empty ones. A label may be empty.

    Returns:
        The intervals by their start.

    Raises:
        DataError: the file is missing, no text, or has a line of another form.

    Example:
        >>> read_label_track("evening.txt")                          # doctest: +SKIP
        [LabelledInterval(start=12.5, end=13.1, label='stop')]
    """
    try:
        status = os.stat(path)
        # Opening a pipe would wait for its writer.
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path}: is not a file; expected the labels of a recording.")
        if status.st_size > _MOST_BYTES:
            raise DataError(f"{path}: larger than {_MOST_BYTES >> 20} MiB; this is no label file.")
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such label file; check the path.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not text in UTF-8; export the labels again.") from None
    found = []
    # Not splitlines(): a label may hold what Unicode takes for the end of a line.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.startswith("\\"):
            found.append(_interval(line, f"{path}, line {number}"))
    return sorted(found, key=lambda one: (one.start, one.end))


def _interval(line: str, where: str) -> LabelledInterval:
    parts = line.rstrip("\r").split("\t", 2)
    try:
        start, end = float(parts[0]), float(parts[1])
    except (ValueError, IndexError):
        raise DataError(
            f"{where}: expected START, END and LABEL with tabs between them, seconds first; got "
            f"{line[:60]!r}."
        ) from None
    if not (math.isfinite(end) and 0 <= start <= end):
        raise DataError(f"{where}: expected 0 <= START <= END in seconds, got {line[:60]!r}.")
    return LabelledInterval(start, end, parts[2].strip() if len(parts) > 2 else "")
