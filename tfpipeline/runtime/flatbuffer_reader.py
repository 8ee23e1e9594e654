"""Reads flatbuffers that nobody has checked: every offset is checked before it is followed.

What a file can make this reader do is bounded by the file's own size: a few bytes can claim that
thousands of tables share one place, so what is read is counted, not only where it lies.
"""

from __future__ import annotations

import mmap
import stat
import struct
from pathlib import Path

from tfpipeline.runtime.errors import ModelFileError

Data = bytes | mmap.mmap

#: Files above this size are mapped, not read: most of them is weights that nobody looks at.
_MAPPED_BYTES = 1 << 20
#: How often the structure of a file may be read over. Real files share nothing of it but vtables,
#: which are not counted, and what `span` gives, which nobody walks through.
_READS = 3
#: The structure of the largest models; all beyond it are weights. A file with holes takes no place
#: on the disk, and its size says nothing.
_STRUCTURE_BYTES = 64 << 20
_TABLE_BYTES = 16
_MAX_TABLES = 500_000
_MAX_TEXT = 1 << 20
_SLACK = 4096


def read_file(path: Path) -> Data:
    """Return the bytes of a file, mapped when it is large.

    Raises:
        ModelFileError: the file is missing, not a regular file, or may not be read.
    """
    try:
        status = path.stat()
        # Opening a pipe would wait for its writer, and a device may have no end.
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise ModelFileError(f"{path} cannot be read: it is not a regular file")
        if status.st_size < _MAPPED_BYTES:
            return path.read_bytes()
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise ModelFileError(f"{path} does not exist: give the path of a .tflite file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ModelFileError(f"{path} cannot be read: {reason}") from error


class FlatbufferReader:
    """Follows offsets in `data`, and says in one sentence which of them leads outside.

    Args:
        data: The whole file.
        path: Its name, for errors.
    """

    def __init__(self, data: Data, path: Path) -> None:
        self.data = data
        self.size = len(data)
        self._path = path
        self._budget = min(_READS * self.size, _STRUCTURE_BYTES) + _SLACK
        self._tables_left = _MAX_TABLES

    def damaged(self, detail: str) -> ModelFileError:
        """Return the error that the file is damaged."""
        return ModelFileError(f"{self._path} is damaged ({detail}): export or copy it again")

    def root(self) -> int:
        """Return the position of the root table."""
        return self._offset(0)

    def unpack(self, layout: str, position: int) -> int:
        """Return the number at `position`."""
        if position < 0 or position + struct.calcsize(layout) > self.size:
            raise self.damaged(f"position {position} outside the file")
        value: int = struct.unpack_from(layout, self.data, position)[0]
        return value

    def field(self, table: int, number: int) -> int | None:
        """Return the position of a table's field, None when it is absent."""
        vtable = table - self.unpack("<i", table)
        entry = 4 + 2 * number
        if entry >= self.unpack("<H", vtable):
            return None
        relative = self.unpack("<H", vtable + entry)
        return table + relative if relative else None

    def scalar(self, table: int, number: int, layout: str, default: int) -> int:
        """Return a number in a field."""
        position = self.field(table, number)
        return default if position is None else self.unpack(layout, position)

    def table(self, table: int, number: int) -> int | None:
        """Return the position of the table in a field."""
        position = self.field(table, number)
        if position is None:
            return None
        self._spend_table()
        return self._offset(position)

    def span(self, table: int, number: int, item: int = 1) -> tuple[int, int]:
        """Return position and count of a vector of `item` bytes each; (0, 0) when it is absent."""
        position = self.field(table, number)
        if position is None:
            return 0, 0
        vector = self._offset(position)
        count = self.unpack("<I", vector)
        if vector + 4 + item * count > self.size:
            raise self.damaged(f"a vector of {count} items outside the file")
        return vector + 4, count

    def string(self, table: int, number: int) -> str:
        """Return a text; what is no UTF-8 in it is replaced."""
        start, count = self.span(table, number)
        if count > _MAX_TEXT:
            raise self.damaged(f"a name of {count} bytes")
        self.spend(count)
        return self.data[start : start + count].decode("utf-8", errors="replace")

    def integers(self, table: int, number: int) -> tuple[int, ...]:
        """Return a vector of 32-bit integers."""
        start, count = self.span(table, number, 4)
        self.spend(4 * count)
        return struct.unpack_from(f"<{count}i", self.data, start)

    def tables(self, table: int, number: int, cost: int = _TABLE_BYTES) -> list[int]:
        """Return the positions of the tables in a vector.

        Args:
            table: Where the vector belongs to.
            number: Its field.
            cost: Bytes of the least that such a table takes in a real file, with what it names.
        """
        start, count = self.span(table, number, 4)
        positions = []
        for index in range(count):
            self._spend_table(cost)
            positions.append(self._offset(start + 4 * index))
        return positions

    def _offset(self, position: int) -> int:
        """Follow the forward offset stored at `position`."""
        return position + self.unpack("<I", position)

    def spend(self, count: int) -> None:
        """Count bytes of the file as read.

        Raises:
            ModelFileError: More were read than a real file of this size has.
        """
        self._budget -= count
        if self._budget < 0:
            raise self.damaged("its parts lie on top of each other")

    def _spend_table(self, cost: int = _TABLE_BYTES) -> None:
        self.spend(cost)
        self._tables_left -= 1
        if self._tables_left < 0:
            raise self.damaged(f"it claims more than {_MAX_TABLES} parts")
