"""IDX files, the format of MNIST (LeCun, Cortes and Burges), plain or compressed with gzip.

Two zero bytes, the type of the numbers, how many axes, their lengths (big-endian uint32), the
numbers (big-endian).
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from tfpipeline.data.errors import DataError
from tfpipeline.data.whole_file import MIB, read_whole

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_BYTES = 1024 * MIB
_MOST_AXES = 4
_GZIP = b"\x1f\x8b"
_STEP = 1 << 20


def read_idx(path: Path, expected: str) -> np.ndarray:
    """Read an IDX file.

    What a file is, its first bytes say: `.gz` in its name is not needed. Never is more memory asked
    for than the file has bytes for, whatever its header promises.

    Args:
        path: the file.
        expected: what belongs there, for the sentence of an error.

    Raises:
        DataError: it is missing, not IDX, cut short, or longer than its header says.
    """
    data = read_whole(path, _MOST_BYTES, expected)
    if data.startswith(_GZIP):
        data = _unpacked(path, data, expected)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES:
        raise DataError(
            f"{path}: is no IDX file (it begins with {data[:4].hex(' ')}); expected {expected}."
        )
    kind, axes = np.dtype(_TYPES[data[2]]), data[3]
    start = 4 + 4 * axes
    if not 1 <= axes <= _MOST_AXES or len(data) < start:
        raise DataError(f"{path}: its header of {axes} axes is damaged; expected {expected}.")
    shape = struct.unpack_from(f">{axes}I", data, 4)
    promised = start + math.prod(shape) * kind.itemsize
    if promised != len(data):
        what = "cut short" if len(data) < promised else "too long"
        raise DataError(
            f"{path}: is {what}: its header promises {promised} bytes for the shape {shape} and "
            f"{len(data)} are there; copy it again."
        )
    values = np.frombuffer(data, kind, offset=start).reshape(shape)
    if kind.kind == "f" and not np.isfinite(values).all():
        raise DataError(f"{path}: holds NaN or infinity; expected {expected}.")
    return values.astype(kind.newbyteorder("="))


def _unpacked(path: Path, data: bytes, expected: str) -> bytes:
    """Unpack what gzip packed, as far as the header says that it goes."""
    unpacked = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while part := file.read(_STEP):
                unpacked += part
                if len(unpacked) > _MOST_BYTES:
                    raise DataError(
                        f"{path}: unpacks to more than {_MOST_BYTES // MIB} MiB; expected "
                        f"{expected}."
                    )
                if len(unpacked) > _promised(unpacked):
                    break
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be unpacked ({error}); copy it again.") from None
    return bytes(unpacked)


def _promised(data: bytearray) -> int:
    """Return the bytes that a header asks for; 0 where it is none, so that no more is unpacked."""
    axes = data[3] if len(data) > 3 else 0
    if data[:2] != b"\0\0" or len(data) < 4 + 4 * axes or data[2] not in _TYPES:
        return 0
    shape = struct.unpack_from(f">{axes}I", data, 4)
    return 4 + 4 * axes + math.prod(shape) * np.dtype(_TYPES[data[2]]).itemsize
