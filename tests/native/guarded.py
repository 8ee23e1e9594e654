"""Buffers between two pages that must not be touched: a byte too far ends the process."""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np

PAGE = mmap.PAGESIZE
_PROT_NONE = 0


class Guarded:
    """An array that begins right after a guard page, or ends right before one.

    Args:
        array: what it holds at first; shape and dtype are its own.
        at_end: the array's end touches the guard page, else its beginning does.
    """

    def __init__(self, array: np.ndarray, at_end: bool) -> None:
        array = np.ascontiguousarray(array)
        pages = max(1, -(-array.nbytes // PAGE))
        self._map = mmap.mmap(-1, (pages + 2) * PAGE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        if sys.platform != "win32":
            libc = ctypes.CDLL(None, use_errno=True)
            for guard in (base, base + (pages + 1) * PAGE):
                if libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(PAGE), _PROT_NONE) != 0:
                    raise OSError(ctypes.get_errno(), "mprotect failed")
        offset = PAGE + (pages * PAGE - array.nbytes if at_end else 0)
        self.address = base + offset
        self.array = np.frombuffer(self._map, array.dtype, array.size, offset).reshape(array.shape)
        self.array[...] = array
