"""WAV files of hours, read in blocks: memory does not grow with their length."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from math import gcd
from pathlib import Path
from typing import cast

import numpy as np

from tfpipeline.data.audio.resampling import reach, resample
from tfpipeline.data.audio.wav import SAMPLE_RATE, decode_samples, open_wav, read_layout, to_mono
from tfpipeline.data.errors import AudioError


class WavBlocks:
    """The samples of a WAV file, mono float32 in [-1, 1] at one rate, block by block.

    Together the blocks are, bit for bit, what `read_wav` returns.

    Args:
        path: the file, of any size.
        sample_rate: samples per second to give.
        block_seconds: length of a block.

    Raises:
        AudioError: as of `read_wav`; where samples are damaged, when they are reached.

    Example:
        `for block in WavBlocks("evening.wav"): scores = stream.process_audio(block)`
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sample_rate: int = SAMPLE_RATE,
        block_seconds: float = 10.0,
    ) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        data = _mapped(self.path)
        self._layout, self._bodies = read_layout(data, str(path))
        layout = self._layout
        layout.check(str(path))
        samples = sum(len(body) // layout.block for body in self._bodies)
        if not samples:
            raise AudioError(f"{path}: holds no samples; record it again.")
        self._samples = samples
        self._block = max(round(block_seconds * layout.rate), 1)
        # Where fewer bits count than the container has, all samples say how they lie in it.
        self._at_once = len(self._bodies) > 1 or layout.valid_bits < 8 * (
            layout.block // layout.channels
        )

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self._samples / self._layout.rate

    def __iter__(self) -> Iterator[np.ndarray]:
        if self._at_once:
            yield open_wav(self.path, self.sample_rate).samples
        elif self._layout.rate == self.sample_rate:
            for start in range(0, self._samples, self._block):
                yield self._mono(start, start + self._block)
        else:
            yield from self._resampled()

    def _resampled(self) -> Iterator[np.ndarray]:
        """Resample each block with as much on both sides of it as the filter reaches.

        Blocks begin where an output sample falls on an input sample, so that the filter has the
        same weights there as at the start.
        """
        divisor = gcd(self._layout.rate, self.sample_rate)
        up, down = self.sample_rate // divisor, self._layout.rate // divisor
        beside = -(-reach(self._layout.rate, self.sample_rate) // down) * down
        block = max(self._block // down, 1) * down
        for start in range(0, self._samples, block):
            left = min(beside, start)
            part = self._mono(start - left, start + block + beside)
            made = resample(part, self._layout.rate, self.sample_rate)
            first = left // down * up
            whole = start + block < self._samples
            yield made[first : first + block // down * up] if whole else made[first:]

    def _mono(self, start: int, end: int) -> np.ndarray:
        layout = self._layout
        body = self._bodies[0][start * layout.block : min(end, self._samples) * layout.block]
        frames = decode_samples(body, layout, str(self.path)).reshape(-1, layout.channels)
        return to_mono(frames, layout.rate, layout.rate)[0]


def _mapped(path: Path) -> bytes:
    """Return the bytes of a file, which are read when they are looked at."""
    try:
        status = os.stat(path)
        # Opening a pipe would wait for its writer, and a device may have no end.
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{path}: is not a file; expected a recording.")
        if not status.st_size:
            return b""
        with path.open("rb") as file:
            return cast(bytes, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        raise AudioError(f"{path}: there is no such file; check the path.") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}).") from None
