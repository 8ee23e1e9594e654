"""Reads what the runtime needs to know of a `.tflite` file: its metadata and its custom ops.

A small reader of its own, because tflite-runtime ships no schema classes.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from tfpipeline.runtime.errors import ModelFileError
from tfpipeline.runtime.flatbuffer_reader import FlatbufferReader, read_file

_IDENTIFIER = b"TFL3"
_LFS = b"version https://git-lfs"
_CUSTOM_CODE = 32

# Field numbers of the tables, in the order of TensorFlow Lite's schema.
_MODEL_OPERATOR_CODES, _MODEL_BUFFERS, _MODEL_METADATA = 1, 4, 6
_CODE_DEPRECATED, _CODE_CUSTOM, _CODE_BUILTIN = 0, 1, 3
_METADATA_NAME, _METADATA_BUFFER = 0, 1
_MAX_METADATA = 64 << 20
_BUFFER_DATA, _BUFFER_OFFSET, _BUFFER_SIZE = 0, 1, 2


class TFLiteFile:
    """A `.tflite` file, checked as far as it is read.

    Args:
        path: The file.

    Raises:
        ModelFileError: the file is missing, empty, not a `.tflite` file, or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.reader = FlatbufferReader(read_file(self.path), self.path)
        identifier = self.reader.data[4:8]
        if self.reader.data[:40].startswith(_LFS):
            raise ModelFileError(
                f"{self.path} is a pointer of Git LFS and not the .tflite file: run git lfs pull"
            )
        if identifier != _IDENTIFIER:
            raise ModelFileError(
                f"{self.path} is not a .tflite file: expected the identifier TFL3 at byte 4, "
                f"received {identifier!r}"
            )
        self.root = self.reader.root()

    def metadata(self, name: str) -> bytes | None:
        """Return the metadata blob called `name`, or None."""
        number = self._metadata.get(name)
        if number is None:
            return None
        if number >= len(self._buffers):
            raise self.reader.damaged(f"metadata {name!r} points to buffer {number}")
        start, size = self.buffer_span(self._buffers[number])
        if size > _MAX_METADATA:
            raise self.reader.damaged(f"metadata {name!r} of {size} bytes")
        return self.reader.data[start : start + size]

    @cached_property
    def _metadata(self) -> dict[str, int]:
        """Buffers by name; of several entries of one name the first counts."""
        found: dict[str, int] = {}
        for entry in self.reader.tables(self.root, _MODEL_METADATA):
            number = self.reader.scalar(entry, _METADATA_BUFFER, "<I", 0)
            found.setdefault(self.reader.string(entry, _METADATA_NAME), number)
        return found

    @cached_property
    def _buffers(self) -> list[int]:
        return self.reader.tables(self.root, _MODEL_BUFFERS)

    def custom_ops(self) -> tuple[str, ...]:
        """Return the names of the custom ops that the model's graphs may call."""
        names = []
        for code in self.reader.tables(self.root, _MODEL_OPERATOR_CODES):
            builtin, custom = self.operator_code(code)
            if builtin == _CUSTOM_CODE:
                names.append(custom)
        return tuple(names)

    def operator_code(self, code: int) -> tuple[int, str]:
        """Return the number and the custom name of an operator code's table."""
        builtin = self.reader.scalar(code, _CODE_BUILTIN, "<i", 0)
        # Older files have a byte in another field; the larger of the two is meant.
        number = max(builtin, self.reader.scalar(code, _CODE_DEPRECATED, "<b", 0))
        return number, self.reader.string(code, _CODE_CUSTOM)

    def buffer_span(self, buffer: int) -> tuple[int, int]:
        """Return where a buffer's bytes lie: in its table, or after a flatbuffer beyond 2 GB."""
        offset = self.reader.scalar(buffer, _BUFFER_OFFSET, "<Q", 0)
        # The schema gives 0 and 1 to buffers that lie within the flatbuffer.
        if offset <= 1:
            return self.reader.span(buffer, _BUFFER_DATA)
        size = self.reader.scalar(buffer, _BUFFER_SIZE, "<Q", 0)
        if offset + size > self.reader.size:
            raise self.reader.damaged(f"a buffer of {size} bytes at {offset} outside the file")
        return offset, size
