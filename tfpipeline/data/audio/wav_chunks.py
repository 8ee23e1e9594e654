"""The chunks of a WAV file: its format, and where its samples lie.

RIFF, and RF64 or BW64 with sizes of 64 bits. Sizes are those that programs really write: to a pipe
they cannot go back and fill them in, so they leave a placeholder, and the samples go on to the end.
"""

from __future__ import annotations

import dataclasses
import struct

from tfpipeline.data.errors import AudioError

PCM, FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_KINDS = (b"RIFF", b"RF64", b"BW64")
# 0xFFFFFFFF of ffmpeg, 0x7FFFF000 of SoX, 0x80000000 of arecord: more than a file may have here.
_PLACEHOLDER = 0x7F000000
_FLOAT_BITS = (32, 64)
_MOST_BYTES = 4


@dataclasses.dataclass(frozen=True)
class WavFormat:
    """The format chunk.

    Args:
        tag: 1 for PCM, 3 for floating point, others for what is not read.
        channels: samples of a block.
        rate: samples per second and channel.
        block: bytes of a block.
        bits: bits of a sample as the header has them.
        valid_bits: those of them that count.
    """

    tag: int
    channels: int
    rate: int
    block: int
    bits: int
    valid_bits: int

    def check(self, name: str) -> int:
        """Return the bytes of a sample.

        Raises:
            AudioError: no such samples are read.
        """
        width = self.block // self.channels
        if self.tag == FLOAT:
            known = self.bits in _FLOAT_BITS
        else:
            known = self.tag == PCM and (self.bits == 8 or 8 < self.bits <= 8 * _MOST_BYTES)
        if not known:
            raise AudioError(
                f"{name}: encoding {self.tag} with {self.bits} bits is not supported; convert it "
                "to 16-bit WAV."
            )
        exact = self.tag == FLOAT or self.bits == 8
        fits = 8 * width == self.bits if exact else self.bits <= 8 * width <= 8 * _MOST_BYTES
        if self.block % self.channels or not fits:
            raise AudioError(
                f"{name}: its header claims blocks of {self.block} bytes for {self.channels} "
                f"samples of {self.bits} bits; convert it to 16-bit WAV."
            )
        return width

    def conversions(self) -> tuple[str, ...]:
        """Return how the format differs from 16-bit PCM, in words; empty when it does not."""
        width = self.block // self.channels
        if self.tag == FLOAT:
            return (f"{self.bits}-bit floating point",)
        if 8 * width != self.valid_bits:
            return (f"{self.valid_bits}-bit in {width} bytes",)
        return () if self.bits == 16 else (f"{self.bits}-bit",)


def read_chunks(data: bytes, name: str) -> tuple[WavFormat, list[memoryview]]:
    """Find the format and the bytes of the samples, in one piece or several.

    Raises:
        AudioError: a sentence that begins with `name`.
    """
    if len(data) < 12 or data[:4] not in _KINDS or data[8:12] != b"WAVE":
        raise AudioError(f"{name}: not a WAV file; convert it to 16-bit WAV.")
    (riff_size,) = struct.unpack_from("<I", data, 4)
    long_size: int | None = None
    layout: WavFormat | None = None
    bodies: list[memoryview] = []
    position = 12
    while position + 8 <= len(data):
        kind, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        start = position + 8
        available = len(data) - start
        if kind == b"ds64" and data[:4] != b"RIFF" and min(size, available) >= 16:
            (long_size,) = struct.unpack_from("<Q", data, start + 8)
        elif kind == b"fmt ":
            found = _format(data, start, size, name)
            if bodies and found != layout:
                raise AudioError(f"{name}: changes its format in the middle; split it in two.")
            layout = found
        elif kind == b"data":
            if layout is None:
                raise AudioError(f"{name}: its samples come before their format; it is damaged.")
            if size == 0xFFFFFFFF and long_size is not None:
                size, long_size = long_size, None
            if _is_open(size, available, riff_size, start):
                size = available
            if size > available:
                raise AudioError(
                    f"{name}: cut short: its header promises {size} bytes of samples and "
                    f"{available} are there; copy it again."
                )
            bodies.append(memoryview(data)[start : start + size])
        elif kind in _KINDS and bodies:
            raise AudioError(f"{name}: is followed by a second WAV file; split it in two.")
        position = _next(data, start + size, size)
    if not bodies:
        missing = "format" if layout is None else "samples"
        raise AudioError(f"{name}: the WAV file has no {missing}; it is damaged or cut short.")
    assert layout is not None
    return layout, bodies


def _is_open(size: int, available: int, riff_size: int, start: int) -> bool:
    """Whether a size is a placeholder: the samples go on to the end of the file."""
    if size >= _PLACEHOLDER:
        return size > available
    # GStreamer leaves zeros, and a recorder that was stopped hard too; where nothing was recorded
    # the size of the whole file covers what follows.
    return size == 0 and (8 + riff_size <= start or riff_size >= _PLACEHOLDER)


def _next(data: bytes, end: int, size: int) -> int:
    """Where the next chunk begins: chunks are padded to an even length, though not by all."""
    unpadded = size % 2 and data[end : end + 4] in (b"data", b"fmt ")
    return end if unpadded else end + size % 2


def _format(data: bytes, start: int, size: int, name: str) -> WavFormat:
    if size < 16 or start + size > len(data):
        raise AudioError(f"{name}: its format chunk is cut short; the file is damaged.")
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", data, start)
    valid_bits = bits
    if tag == _EXTENSIBLE and size >= 26:
        valid, _, tag = struct.unpack_from("<HIH", data, start + 18)
        # Writers that do not know leave a zero.
        valid_bits = valid if 0 < valid <= bits else bits
    return WavFormat(tag, channels, rate, block, bits, valid_bits)
