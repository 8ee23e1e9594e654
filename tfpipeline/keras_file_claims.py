"""Says of a Keras model file, before it is loaded, that it would take far more memory than it has.

A few bytes can claim any size: members of the archive that are compressed, data sets of the weights
that are compressed or were never written, and layers of a configuration that have no weights. What
is checked here costs no more than the file's own size allows.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .file_size import size_on_disk, unpacked_size

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

#: What a file may always take, and how many times its own size on the disk. Keras compresses
#: nothing; weights of which most are zero, compressed by somebody, reach 10 to 15.
_ALWAYS = 64 << 20
_TIMES = 20
_MOST_TEXT = 32 << 20
#: Variables that no file holds: states of generators, counters.
_UNSAVED = 1 << 20
_LOCAL_HEADER = 30


def claims_too_much(path: Path) -> str:
    """Return why a file cannot hold what it claims, as the end of a sentence; empty where it can.

    Says nothing of files that are no `.keras` or HDF5 file, or are damaged: Keras does.

    Args:
        path: A file that exists.
    """
    most = _ALWAYS + _TIMES * size_on_disk(path)
    try:
        if zipfile.is_zipfile(path):
            return _archive(path, most)
        with path.open("rb") as file:
            return _too_much(_held(file), most) if file.read(8) == b"\x89HDF\r\n\x1a\n" else ""
    except (OSError, ValueError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return ""


def _archive(path: Path, most: int) -> str:
    with zipfile.ZipFile(path) as archive:
        if problem := _too_much(unpacked_size(archive), most):
            return problem
        names = archive.namelist()
        for name in {CONFIG, METADATA} & {*names}:
            if (size := archive.getinfo(name).file_size) > _MOST_TEXT:
                return f"has a {name} of {size:,} bytes: it is damaged"
        if CONFIG not in names or WEIGHTS not in names:
            return ""
        with _member(archive, path, WEIGHTS) as weights:
            held = _held(weights)
        return _too_much(held, most) or _more_than_held(archive.read(CONFIG), held)


def _too_much(claimed: int, most: int) -> str:
    return f"claims {claimed:,} bytes, far more than it has: it is damaged" * (claimed > most)


@contextlib.contextmanager
def _member(archive: zipfile.ZipFile, path: Path, name: str) -> Iterator[BinaryIO]:
    """Return a member to seek in: where it lies, if it is stored as it is."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        yield io.BytesIO(archive.read(name))
        return
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
        skipped = sum(int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        start = info.header_offset + _LOCAL_HEADER + skipped
        yield _Part(file, start, info.file_size)  # type: ignore[misc]


class _Part(io.RawIOBase):
    """A part of an open file, as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(len(view), self._size - self._at)))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _held(file: BinaryIO) -> int:
    """Bytes of all data sets of an HDF5 file once they are read."""
    import h5py

    held = 0

    def add(_: str, item: Any) -> None:
        nonlocal held
        if isinstance(item, h5py.Dataset):
            held += math.prod(item.shape or ()) * item.dtype.itemsize

    with h5py.File(file, "r") as opened:
        opened.visititems(add)
    return held


def _more_than_held(config: bytes, held: int) -> str:
    """Whether the layers have more weights than the file holds bytes."""
    try:
        count = _variables(json.loads(config))
    except Exception:
        # Keras meets the same, and has the words for it.
        return ""
    if count <= held + _UNSAVED:
        return ""
    return f"describes a model of {count:,} numbers and holds {held:,} bytes: it is damaged"


def _variables(config: dict[str, Any]) -> int:
    """Count the elements of all variables of a model; none is made, they stay uninitialized."""
    import keras
    from keras.src.backend.common import global_state

    config.pop("compile_config", None)
    waiting = list(global_state.get_global_attribute("uninitialized_variables") or ())
    names = global_state.get_global_attribute("object_name_uids")
    kept = None if names is None else names.copy()
    # Layers without a seed of their own draw one.
    state = random.getstate()
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        return sum(math.prod(variable.shape) for variable in model.variables)
    finally:
        random.setstate(state)
        global_state.set_global_attribute("uninitialized_variables", waiting)
        if kept is not None:
            global_state.set_global_attribute("object_name_uids", kept)
