"""The tokenizer of the native library through ctypes."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_void_p
from functools import cache

from tfpipeline.runtime.native import library_path


class Opened(ctypes.Structure):
    """`tfpipeline_tokenizer`."""

    _fields_ = [("data", c_void_p), ("size", c_size_t)]


@cache
def library() -> ctypes.CDLL:
    """The library, with the types of its functions for text."""
    found = ctypes.CDLL(str(library_path()))
    found.tfpipeline_tokenizer_open.restype = c_char_p
    found.tfpipeline_tokenizer_open.argtypes = [c_char_p, c_size_t, POINTER(Opened)]
    found.tfpipeline_tokenizer_encode.restype = c_size_t
    found.tfpipeline_tokenizer_encode.argtypes = [
        POINTER(Opened),
        c_char_p,
        c_size_t,
        POINTER(c_int32),
        c_size_t,
    ]
    found.tfpipeline_tokenizer_most_ids.restype = c_size_t
    found.tfpipeline_tokenizer_most_ids.argtypes = [POINTER(Opened)]
    found.tfpipeline_find_metadata.restype = c_void_p
    found.tfpipeline_find_metadata.argtypes = [c_char_p, c_size_t, c_char_p, POINTER(c_size_t)]
    return found


class NativeTokenizer:
    """A tokenizer in C.

    Raises:
        ValueError: its bytes are refused; the message is C's.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._opened = Opened()
        wrong = library().tfpipeline_tokenizer_open(data, len(data), byref(self._opened))
        if wrong is not None:
            raise ValueError(wrong.decode())

    @property
    def most_ids(self) -> int:
        return library().tfpipeline_tokenizer_most_ids(byref(self._opened))

    def encode(self, text: bytes, capacity: int | None = None) -> list[int]:
        """The ids; with `capacity` no more than these are written, and -7 stands behind them."""
        encode, opened = library().tfpipeline_tokenizer_encode, byref(self._opened)
        if capacity is None:
            capacity = encode(opened, text, len(text), None, 0)
        ids = (c_int32 * (capacity + 1))(*[-7] * min(capacity + 1, 4096))
        ids[capacity] = -7
        count = encode(opened, text, len(text), ids, capacity)
        assert ids[capacity] == -7, "written beyond the capacity"
        return list(ids[: min(count, capacity)])


def find_metadata(model: bytes, name: str) -> bytes | None:
    """The bytes of a metadata entry, or None."""
    size = c_size_t()
    found = library().tfpipeline_find_metadata(model, len(model), name.encode(), byref(size))
    return None if found is None else ctypes.string_at(found, size.value)
