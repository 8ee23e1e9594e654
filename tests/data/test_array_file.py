"""`.npy` and `.npz` files with headers of all kinds: the array, or one line."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.array_file import ArrayFileError, read_array_file

VALUES = np.arange(16, dtype=np.float32)


def npy(
    shape: str = "16,",
    descr: str = "'<f4'",
    fortran: str = "False",
    version: int = 1,
    data: bytes = VALUES.tobytes(),
) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': ({shape}), }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


def written(folder: Path, data: bytes, suffix: str) -> Path:
    """The bytes as a file of their own, or as the only member of an archive."""
    path = folder / f"x{suffix}"
    if suffix == ".npy":
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", data)
    return path


def read(path: Path) -> np.ndarray:
    found = read_array_file(path)
    return found["x"] if isinstance(found, dict) else found


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_is_read(tmp_path: Path, suffix: str, version: int) -> None:
    path = written(tmp_path, npy(version=version), suffix)
    np.testing.assert_array_equal(read(path), VALUES)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_orders_and_ranks(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, npy("4, 4", fortran="True"), suffix)
    np.testing.assert_array_equal(read(path), VALUES.reshape(4, 4).T)
    assert read(written(tmp_path, npy(""), suffix)).shape == ()
    assert read(written(tmp_path, npy("0, 3", data=b""), suffix)).shape == (0, 3)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    "data",
    [
        npy("1000000000000,"),
        npy("99999999999999999999999,"),
        npy("-4,"),
        npy("17,"),
        npy(descr="'|O'"),
        npy(descr="'q9'"),
        npy(fortran="5"),
        npy("(" * 300),
        npy("\\n  1\\n 2"),
        npy(version=9),
        npy()[:30],
        npy()[:9],
        b"\x93NUMPY\2\0\xff\xff\xff\xff{",
        b"\x93NUMPY",
        b"",
        b"\x80\4N.",
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = written(tmp_path, data, suffix)
    tracemalloc.start()
    try:
        with pytest.raises(ArrayFileError, match="cannot be read|is no array") as caught:
            read_array_file(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 500


def test_any_damage_gives_arrays_or_a_line(tmp_path: Path) -> None:
    data = written(tmp_path, npy(), ".npz").read_bytes()
    refused = 0
    for place in range(len(data)):
        for damaged in (data[:place], data[:place] + b"\xff" + data[place + 1 :]):
            (tmp_path / "damaged.npz").write_bytes(damaged)
            try:
                read_array_file(tmp_path / "damaged.npz")
            except ArrayFileError:
                refused += 1
    assert refused > len(data)


def test_archives_that_unpack_to_far_more_than_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfpipeline.array_file._UNPACKED", 1 << 16)
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(1 << 20, np.uint8))
    with pytest.raises(ArrayFileError, match=r"unpack to 1,048,704 bytes, more than \d{3},"):
        read_array_file(tmp_path / "bomb.npz")
    np.savez(tmp_path / "large.npz", x=np.zeros(1 << 20, np.uint8))
    assert read_array_file(tmp_path / "large.npz")["x"].size == 1 << 20


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(ArrayFileError, match="is a device or a pipe"):
        read_array_file(tmp_path / "x.npy")
