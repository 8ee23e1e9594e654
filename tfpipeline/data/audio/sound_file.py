"""Recordings in the formats of speech corpora: WAV by ourselves, the others by libsndfile."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tfpipeline.data.audio.wav import MAX_RATE, MIN_RATE, WavAudio, open_wav, to_mono
from tfpipeline.data.errors import AudioError
from tfpipeline.extras import require_modules
from tfpipeline.file_size import size_on_disk

_FLAC = b"fLaC"
_SPHERE = b"NIST_1A"
# A SPHERE header is text that fills whole blocks of 1024 bytes, nearly always one.
_HEADER_BYTES = 4096
# FLAC can promise hours of silence in a few bytes: eight minutes at 16 kHz always, and more where
# the file has the bytes for it; speech takes about one a sample.
_ALWAYS_SAMPLES = 1 << 23
_SAMPLES_A_BYTE = 16


def open_sound(path: Path, sample_rate: int) -> WavAudio:
    """Read a WAV, FLAC or SPHERE file as mono float32 at `sample_rate`.

    What a file is, its first bytes say: corpora have SPHERE files named `.wav`.

    Raises:
        AudioError: the file is missing, empty, cut short, damaged or in another format.
        MissingExtraError: FLAC or SPHERE without the package that reads it.
    """
    try:
        # Lists of paths may name devices and pipes, which have no end.
        if path.exists() and not path.is_file():
            raise AudioError(f"{path}: is not a file; expected a recording.")
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        raise AudioError(f"{path}: there is no such file; check the path.") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}).") from None
    if head.startswith(_SPHERE):
        return _sphere(path, head, sample_rate)
    if head.startswith(_FLAC):
        return _decoded(path, "FLAC", sample_rate)
    return open_wav(path, sample_rate)


def _sphere(path: Path, head: bytes, sample_rate: int) -> WavAudio:
    if b"shorten" in head:
        raise AudioError(
            f"{path}: is compressed with Shorten; write it as WAV with "
            "'sph2pipe -f wav IN.wv1 OUT.wav' into the same folder."
        )
    # libsndfile takes a file that is cut short for a short one.
    promised = re.search(rb"\nsample_count -i (\d{1,12})\n", head)
    return _decoded(path, "SPHERE", sample_rate, int(promised[1]) if promised else None)


def _decoded(path: Path, kind: str, sample_rate: int, promised: int | None = None) -> WavAudio:
    require_modules("soundfile")
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            if not MIN_RATE <= file.samplerate <= MAX_RATE:
                raise AudioError(
                    f"{path}: its header claims {file.samplerate} samples per second; the file "
                    "is damaged."
                )
            taken = file.frames * max(file.channels, sample_rate / file.samplerate)
            if taken > _ALWAYS_SAMPLES + _SAMPLES_A_BYTE * size_on_disk(path):
                raise AudioError(
                    f"{path}: its {path.stat().st_size:,} bytes claim {file.frames:,} samples; cut "
                    "it into utterances."
                )
            frames = file.read(dtype="float32", always_2d=True)
            rate, encoding, expected = file.samplerate, file.subtype, promised or file.frames
    except soundfile.SoundFileError as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")
        raise AudioError(f"{path}: the {kind} file is damaged ({reason}); copy it again.") from None
    if not len(frames):
        raise AudioError(f"{path}: holds no samples; record it again.")
    if len(frames) < expected:
        raise AudioError(
            f"{path}: cut short: its header promises {expected} samples and {len(frames)} are "
            "there; copy it again."
        )
    if not np.isfinite(frames).all():
        raise AudioError(f"{path}: holds NaN or infinity; it is damaged.")
    samples, conversions = to_mono(frames, rate, sample_rate)
    if encoding != "PCM_16":
        conversions = (encoding, *conversions)
    return WavAudio(samples, sample_rate, conversions)
