"""WAV files, read and written with numpy and the standard library only."""

from __future__ import annotations

import dataclasses
import os
import stat
import struct
import threading
from pathlib import Path

import numpy as np

from tfpipeline.data.audio.resampling import resample
from tfpipeline.data.audio.wav_chunks import FLOAT, PCM, WavFormat, read_chunks
from tfpipeline.data.errors import AudioError
from tfpipeline.features.audio_level import fault_of

SAMPLE_RATE = 16000
_MAX_CHANNELS = 64
MIN_RATE, MAX_RATE = 1000, 768000
_MAX_BYTES = 1 << 31


@dataclasses.dataclass(frozen=True)
class WavAudio:
    """Decoded audio.

    Args:
        samples: float32 `(samples,)` in [-1, 1], mono.
        sample_rate: samples per second of `samples`.
        conversions: what had to be done to get there, in words; empty when nothing had.
    """

    samples: np.ndarray
    sample_rate: int
    conversions: tuple[str, ...]


def read_wav(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Read a WAV file as mono float32 `(samples,)` in [-1, 1] at `sample_rate`.

    Reads 8 to 32-bit PCM, in containers of up to 4 bytes, and 32 and 64-bit floating point, any
    number of channels (their mean is taken) and any rate (resampled). Files whose sizes were left
    open, as programs that write to a pipe do, are read to their end.

    Raises:
        AudioError: the file is missing, empty, cut short, damaged, not a regular file or in another
            format, or its samples are of another scale than full scale 1.
    """
    return open_wav(path, sample_rate).samples


def open_wav(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> WavAudio:
    """Read a WAV file as `read_wav` does and say what was converted."""
    try:
        status = os.stat(path)
        # Opening a pipe would wait for its writer, and a device may have no end.
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{path}: is a device or a pipe; record it to a file first.")
        if status.st_size > _MAX_BYTES:
            raise AudioError(f"{path}: larger than 2 GiB; cut it into clips.")
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise AudioError(f"{path}: there is no such file; check the path.") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}).") from None
    return decode_wav(data, sample_rate, str(path))


def decode_wav(data: bytes, sample_rate: int = SAMPLE_RATE, name: str = "WAV data") -> WavAudio:
    """Decode the bytes of a WAV file; `name` begins the sentence of an error.

    Raises:
        AudioError: whatever is wrong with the bytes.
    """
    layout, bodies = read_layout(data, name)
    parts = [decode_samples(body, layout, name) for body in bodies]
    channels = layout.channels
    whole = [part[: len(part) // channels * channels] for part in parts]
    frames = (whole[0] if len(whole) == 1 else np.concatenate(whole)).reshape(-1, channels)
    if not len(frames):
        raise AudioError(f"{name}: holds no samples; record it again.")
    conversions = list(layout.conversions())
    if len(bodies) > 1:
        conversions.append(f"{len(bodies)} parts")
    mono, more = to_mono(frames, layout.rate, sample_rate)
    return WavAudio(mono, sample_rate, (*conversions, *more))


def read_layout(data: bytes, name: str) -> tuple[WavFormat, list[memoryview]]:
    """Return the format of a WAV file and where its samples lie.

    Raises:
        AudioError: a sentence that begins with `name`.
    """
    if not data:
        raise AudioError(f"{name}: the file is empty; record or copy it again.")
    layout, bodies = read_chunks(data, name)
    if not 1 <= layout.channels <= _MAX_CHANNELS:
        raise AudioError(
            f"{name}: its header claims {layout.channels} channels; the file is damaged."
        )
    if not MIN_RATE <= layout.rate <= MAX_RATE:
        raise AudioError(
            f"{name}: its header claims {layout.rate} samples per second; the file is damaged."
        )
    return layout, bodies


def to_mono(frames: np.ndarray, rate: int, sample_rate: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Mix float32 `(samples, channels)` down and resample it; say what was done, in words."""
    conversions = []
    channels = frames.shape[1]
    samples = frames[:, 0]
    if channels > 1:
        samples = frames.astype(np.float64).mean(axis=1).astype(np.float32)
        conversions.append("stereo" if channels == 2 else f"{channels} channels")
    if rate != sample_rate:
        samples = resample(samples, rate, sample_rate)
        conversions.append(f"{rate} samples per second")
    return samples, tuple(conversions)


def write_wav(
    path: str | os.PathLike[str], samples: np.ndarray, sample_rate: int = SAMPLE_RATE
) -> None:
    """Write mono 16-bit PCM; the file appears whole or not at all.

    Args:
        path: file to write.
        samples: `(samples,)`, int16 or floating point in [-1, 1]; values beyond are clipped.
        sample_rate: samples per second.

    Raises:
        ValueError: samples of another rank or type, not finite, or of another level.
    """
    audio = np.asarray(samples)
    if audio.ndim != 1:
        raise ValueError(f"write_wav: samples must have the shape (samples,), got {audio.shape}.")
    if audio.dtype != np.int16:
        audio = to_int16(audio)
    body = audio.astype("<i2").tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, PCM, 1),
        *(sample_rate, 2 * sample_rate, 2, 16, b"data", len(body)),
    )
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_bytes(head + body)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def to_int16(audio: np.ndarray) -> np.ndarray:
    """Round floating-point audio in [-1, 1] to int16, clipping what lies beyond."""
    if audio.dtype not in (np.float32, np.float64):
        raise ValueError(f"write_wav: samples must be int16 or floating point, got {audio.dtype}.")
    fault = fault_of(audio)
    if fault is not None:
        raise ValueError(f"write_wav: samples must be in [-1, 1]: the array {fault}.")
    return np.clip(np.rint(audio.astype(np.float64) * 32768.0), -32768, 32767).astype(np.int16)


def decode_samples(body: memoryview, layout: WavFormat, name: str) -> np.ndarray:
    """Decode interleaved samples to float32 in [-1, 1]."""
    width = layout.check(name)
    raw = body[: len(body) // width * width]
    if layout.tag == FLOAT:
        values = np.frombuffer(raw, f"<f{width}")
        fault = fault_of(values)
        if fault is not None:
            raise AudioError(f"{name}: {fault}.")
        return values.astype(np.float32)
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128.0) / np.float32(128.0)
    integers = _integers(raw, width)
    scale = 8 * width
    if layout.valid_bits < scale:
        scale = _meant_bits(integers, scale, layout, name)
    return integers.astype(np.float32) / np.float32(1 << (scale - 1))


def _integers(raw: memoryview, width: int) -> np.ndarray:
    if width != 3:
        return np.frombuffer(raw, f"<i{width}")
    octets = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
    values = octets[:, 0] | octets[:, 1] << 8 | octets[:, 2] << 16
    values -= (values & 0x800000) << 1
    return values


def _meant_bits(integers: np.ndarray, bits: int, layout: WavFormat, name: str) -> int:
    """Bits of full scale where fewer are valid than the container has.

    The format puts them at the upper end of it, the rest being zero; some writers leave them at the
    lower end. What fits neither uses the whole container.
    """
    unused = bits - layout.valid_bits
    if not (integers & ((1 << unused) - 1)).any():
        return bits
    reach = 1 << (layout.valid_bits - 1)
    if -reach <= integers.min() and integers.max() < reach:
        return layout.valid_bits
    if layout.bits == bits:
        return bits
    raise AudioError(
        f"{name}: its header claims {layout.bits} bits in {bits // 8} bytes, and its samples use "
        "more; convert it to 16-bit WAV."
    )
