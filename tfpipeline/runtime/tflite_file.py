"""Reads what the runtime needs to know of a `.tflite` file: its metadata and its custom ops.

A small reader of its own, because tflite-runtime ships no schema classes. Every offset is checked
against the file's length before it is followed, so a damaged file is an error and never a crash.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from tfpipeline.runtime.errors import ModelFileError

_IDENTIFIER = b"TFL3"
_CUSTOM_CODE = 32

# Field numbers of the tables, in the order of TensorFlow Lite's schema.
_MODEL_OPERATOR_CODES, _MODEL_BUFFERS, _MODEL_METADATA = 1, 4, 6
_CODE_DEPRECATED, _CODE_CUSTOM, _CODE_BUILTIN = 0, 1, 3
_METADATA_NAME, _METADATA_BUFFER = 0, 1
_BUFFER_DATA = 0


class TFLiteFile:
    """A `.tflite` file, checked as far as it is read.

    Args:
        path: The file.

    Raises:
        ModelFileError: the file is missing, empty, not a `.tflite` file, or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._data = self.path.read_bytes()
        except FileNotFoundError:
            raise ModelFileError(
                f"{self.path} does not exist: give the path of a .tflite file"
            ) from None
        except OSError as error:
            raise ModelFileError(f"{self.path} cannot be read: {error.strerror}") from error
        if self._data[4:8] != _IDENTIFIER:
            raise ModelFileError(
                f"{self.path} is not a .tflite file: expected the identifier TFL3 at byte 4, "
                f"received {self._data[4:8]!r}"
            )
        self._root = self._offset(0)

    def metadata(self, name: str) -> bytes | None:
        """The metadata blob called `name`, or None."""
        for entry in self._tables(self._root, _MODEL_METADATA):
            if self._string(entry, _METADATA_NAME) != name:
                continue
            number = self._scalar(entry, _METADATA_BUFFER, "<I", 0)
            buffers = list(self._tables(self._root, _MODEL_BUFFERS))
            if number >= len(buffers):
                raise self._damaged(f"metadata {name!r} points to buffer {number}")
            return self._bytes(buffers[number], _BUFFER_DATA)
        return None

    def custom_ops(self) -> tuple[str, ...]:
        """Names of the custom ops that the model's graphs may call."""
        names = []
        for code in self._tables(self._root, _MODEL_OPERATOR_CODES):
            builtin = self._scalar(code, _CODE_BUILTIN, "<i", 0)
            deprecated = self._scalar(code, _CODE_DEPRECATED, "<b", 0)
            if max(builtin, deprecated) == _CUSTOM_CODE:
                names.append(self._string(code, _CODE_CUSTOM))
        return tuple(names)

    def _damaged(self, detail: str) -> ModelFileError:
        return ModelFileError(
            f"{self.path} is damaged ({detail} outside the file): export or copy it again"
        )

    def _unpack(self, layout: str, position: int) -> int:
        if position < 0 or position + struct.calcsize(layout) > len(self._data):
            raise self._damaged(f"position {position}")
        value: int = struct.unpack_from(layout, self._data, position)[0]
        return value

    def _offset(self, position: int) -> int:
        """Follows the forward offset stored at `position`."""
        return position + self._unpack("<I", position)

    def _field(self, table: int, number: int) -> int | None:
        """Position of a table's field, None when it is absent."""
        vtable = table - self._unpack("<i", table)
        entry = 4 + 2 * number
        if entry >= self._unpack("<H", vtable):
            return None
        relative = self._unpack("<H", vtable + entry)
        return table + relative if relative else None

    def _scalar(self, table: int, number: int, layout: str, default: int) -> int:
        position = self._field(table, number)
        return default if position is None else self._unpack(layout, position)

    def _bytes(self, table: int, number: int) -> bytes:
        position = self._field(table, number)
        if position is None:
            return b""
        vector = self._offset(position)
        size = self._unpack("<I", vector)
        if vector + 4 + size > len(self._data):
            raise self._damaged(f"a vector of {size} bytes")
        return self._data[vector + 4 : vector + 4 + size]

    def _string(self, table: int, number: int) -> str:
        return self._bytes(table, number).decode("utf-8", errors="replace")

    def _tables(self, table: int, number: int) -> Iterator[int]:
        position = self._field(table, number)
        if position is None:
            return
        vector = self._offset(position)
        size = self._unpack("<I", vector)
        if vector + 4 + 4 * size > len(self._data):
            raise self._damaged(f"a vector of {size} tables")
        for index in range(size):
            yield self._offset(vector + 4 + 4 * index)
