"""Arrays in `.npy` and `.npz` files of anybody: read without running code, or refused in a line."""

from __future__ import annotations

import math
import stat
import struct
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from tfpipeline.errors import TfpipelineError
from tfpipeline.file_size import size_on_disk, unpacked_size

SUFFIXES = (".npy", ".npz")
#: What an archive may always unpack to, and how many times its own size: features of which most
#: are zero compress well.
_UNPACKED, _UNPACKED_TIMES = 512 << 20, 200


class ArrayFileError(TfpipelineError):
    """A file that holds no arrays of numbers."""


def read_array_file(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """Read an array, or a dict of them by name.

    An array of a `.npy` file is mapped: it is read no further than it is used.

    Args:
        path: A file written by `numpy.save` or `numpy.savez`.

    Raises:
        ArrayFileError: it is damaged, not a regular file, holds objects, or would become far larger
            in memory than it is.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ArrayFileError(f"{path} is a device or a pipe; write the array to a file first")
        _check_header_size(path)
        # Pickled objects could run code.
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            _check_sizes(path, loaded.zip)
            arrays = {name: loaded[name] for name in loaded.files}
        for name, values in arrays.items():
            if not isinstance(values, np.ndarray):
                raise ArrayFileError(f"{path} holds {name!r}, which is no array")
        return arrays
    except ArrayFileError:
        raise
    except Exception as error:
        # Whatever NumPy, zlib and Python's parser raise of damaged bytes: ten kinds at least.
        text = str(error).strip()
        reason = text.splitlines()[0][:200] if text else type(error).__name__
        raise ArrayFileError(
            f"{path} cannot be read as {path.suffix} ({reason}); write it with numpy.save or "
            "numpy.savez, and not from an array of objects"
        ) from error


def _check_header_size(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(12)
    # Versions from 2 on have 32 bits for it, which NumPy allocates.
    if len(head) == 12 and head[:6] == b"\x93NUMPY" and head[6] >= 2:
        (size,) = struct.unpack_from("<I", head, 8)
        if size > path.stat().st_size:
            raise ValueError(f"its header promises {size} bytes")


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    unpacked, most = unpacked_size(archive), _UNPACKED + _UNPACKED_TIMES * size_on_disk(path)
    if unpacked > most:
        raise ArrayFileError(
            f"{path} claims to unpack to {unpacked:,} bytes, more than {most:,} for its size; "
            "write it with numpy.savez, without compression"
        )
    for info in archive.infolist():
        if info.filename.endswith(".npy"):
            with archive.open(info) as member:
                _check_header(member, info.file_size)


def _check_header(member: IO[bytes], size: int) -> None:
    """NumPy allocates what a header promises before it reads the data."""
    # Version 3 differs in the encoding of field names only.
    first = np.lib.format.read_magic(member) == (1, 0)
    header = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(member)
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its header promises {shape} of {dtype} in {size} bytes")
