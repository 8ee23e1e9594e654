"""WAV files, read and written with numpy and the standard library only."""

from __future__ import annotations

import dataclasses
import os
import struct
import threading
from pathlib import Path

import numpy as np

from tfpipeline.data.errors import AudioError
from tfpipeline.data.resampling import resample

SAMPLE_RATE = 16000
_MAX_CHANNELS = 64
MIN_RATE, MAX_RATE = 1000, 768000
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# Writers to a pipe cannot go back to fill in the size and leave this one.
_UNKNOWN_SIZE = 0xFFFFFFFF
_MAX_BYTES = 1 << 31
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}


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
    """Reads a WAV file as mono float32 `(samples,)` in [-1, 1] at `sample_rate`.

    Reads 8, 16, 24 and 32-bit PCM and 32 and 64-bit floating point, any number of channels (their
    mean is taken) and any rate (resampled).

    Raises:
        AudioError: the file is missing, empty, cut short, damaged or in another format.
    """
    return open_wav(path, sample_rate).samples


def open_wav(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> WavAudio:
    """Reads a WAV file as `read_wav` does and says what was converted."""
    try:
        if os.path.getsize(path) > _MAX_BYTES:
            raise AudioError(f"{path}: larger than 2 GiB; cut it into clips.")
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise AudioError(f"{path}: there is no such file; check the path.") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}).") from None
    return decode_wav(data, sample_rate, str(path))


def decode_wav(data: bytes, sample_rate: int = SAMPLE_RATE, name: str = "WAV data") -> WavAudio:
    """Decodes the bytes of a WAV file; `name` begins the sentence of an error.

    Raises:
        AudioError: whatever is wrong with the bytes.
    """
    if not data:
        raise AudioError(f"{name}: the file is empty; record or copy it again.")
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioError(f"{name}: not a WAV file; convert it to 16-bit WAV.")
    layout, body = _chunks(data, name)
    tag, channels, rate, bits = layout
    if not 1 <= channels <= _MAX_CHANNELS:
        raise AudioError(f"{name}: its header claims {channels} channels; the file is damaged.")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(
            f"{name}: its header claims {rate} samples per second; the file is damaged."
        )
    samples = _samples(body, tag, bits, name)
    if len(samples) < channels:
        raise AudioError(f"{name}: holds no samples; record it again.")
    conversions = []
    if tag != _PCM or bits != 16:
        conversions.append(f"{bits}-bit" + (" floating point" if tag == _FLOAT else ""))
    frames = samples[: len(samples) // channels * channels].reshape(-1, channels)
    mono, more = to_mono(frames, rate, sample_rate)
    return WavAudio(mono, sample_rate, (*conversions, *more))


def to_mono(frames: np.ndarray, rate: int, sample_rate: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Mixes float32 `(samples, channels)` down and resamples it; says what was done, in words."""
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
    """Writes mono 16-bit PCM; the file appears whole or not at all.

    Args:
        path: file to write.
        samples: `(samples,)`, int16 or floating point in [-1, 1]; values beyond are clipped.
        sample_rate: samples per second.

    Raises:
        ValueError: samples of another rank or type, or not finite.
    """
    audio = np.asarray(samples)
    if audio.ndim != 1:
        raise ValueError(f"write_wav: samples must have the shape (samples,), got {audio.shape}.")
    if audio.dtype != np.int16:
        audio = to_int16(audio)
    body = audio.astype("<i2").tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, _PCM, 1),
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
    """Rounds floating-point audio in [-1, 1] to int16, clipping what lies beyond."""
    if audio.dtype not in (np.float32, np.float64) or not np.isfinite(audio).all():
        raise ValueError(
            f"write_wav: samples must be int16 or finite floating point, got {audio.dtype}."
        )
    return np.clip(np.rint(audio.astype(np.float64) * 32768.0), -32768, 32767).astype(np.int16)


def _chunks(data: bytes, name: str) -> tuple[tuple[int, int, int, int], memoryview]:
    """Finds the format (tag, channels, rate, bits) and the bytes of the samples."""
    layout: tuple[int, int, int, int] | None = None
    position = 12
    while position + 8 <= len(data):
        kind, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        start = position + 8
        if kind == b"fmt ":
            if size < 16 or start + size > len(data):
                raise AudioError(f"{name}: its format chunk is cut short; the file is damaged.")
            tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, start)
            if tag == _EXTENSIBLE and size >= 26:
                tag = struct.unpack_from("<H", data, start + 24)[0]
            layout = (tag, channels, rate, bits)
        elif kind == b"data":
            if layout is None:
                raise AudioError(f"{name}: its samples come before their format; it is damaged.")
            available = len(data) - start
            if size == _UNKNOWN_SIZE:
                size = available
            if size > available:
                raise AudioError(
                    f"{name}: cut short: its header promises {size} bytes of samples and "
                    f"{available} are there; copy it again."
                )
            return layout, memoryview(data)[start : start + size]
        # Chunks are padded to an even length.
        position = start + size + (size & 1)
    missing = "format" if layout is None else "samples"
    raise AudioError(f"{name}: the WAV file has no {missing}; it is damaged or cut short.")


def _samples(body: memoryview, tag: int, bits: int, name: str) -> np.ndarray:
    """Decodes interleaved samples to float32 in [-1, 1]."""
    if bits not in _BITS.get(tag, ()):
        raise AudioError(
            f"{name}: encoding {tag} with {bits} bits is not supported; convert it to 16-bit WAV."
        )
    width = bits // 8
    raw = body[: len(body) // width * width]
    if tag == _FLOAT:
        values = np.frombuffer(raw, f"<f{width}")
        if not np.isfinite(values).all():
            raise AudioError(f"{name}: holds NaN or infinity; it is damaged.")
        # Floating-point files may exceed full scale a little; much more is damage.
        if len(values) and np.abs(values).max() > 1e4:
            raise AudioError(f"{name}: holds values far beyond full scale; it is damaged.")
        return values.astype(np.float32)
    if bits == 8:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128.0) / np.float32(128.0)
    if bits == 24:
        octets = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
        values = octets[:, 0] | octets[:, 1] << 8 | octets[:, 2] << 16
        values -= (values & 0x800000) << 1
        return values.astype(np.float32) / np.float32(1 << 23)
    scale = np.float32(1 << (bits - 1))
    return np.frombuffer(raw, f"<i{width}").astype(np.float32) / scale
