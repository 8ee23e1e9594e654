from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from limited import error_of

from tfpipeline.data import AudioError, write_wav
from tfpipeline.data.audio.sound_file import open_sound


def sound(seconds: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal(round(16000 * seconds)) * 2000).astype(np.int16)


def write(path: Path, kind: str, audio: np.ndarray, rate: int = 16000, **how: str) -> bytes:
    soundfile.write(path, audio, rate, format=kind, **how)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["FLAC", "NIST"])
def test_lossless_formats_give_the_samples_of_wav(tmp_path: Path, kind: str) -> None:
    # The first bytes count, not the name.
    path = tmp_path / "a.wav"
    write_wav(path, sound())
    expected = open_sound(path, 16000)
    write(path, kind, sound())
    found = open_sound(path, 16000)
    assert np.array_equal(found.samples, expected.samples)
    assert found.conversions == expected.conversions == ()


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_sphere_in_either_byte_order(tmp_path: Path, endian: str) -> None:
    write(tmp_path / "a.wv1", "NIST", sound(), subtype="PCM_16", endian=endian)
    assert np.array_equal(open_sound(tmp_path / "a.wv1", 16000).samples, sound() / 32768.0)


def test_conversions_are_named(tmp_path: Path) -> None:
    stereo = np.stack([sound(), sound()], axis=1)
    write(tmp_path / "a.flac", "FLAC", stereo, 8000, subtype="PCM_24")
    audio = open_sound(tmp_path / "a.flac", 16000)
    assert audio.conversions == ("PCM_24", "stereo", "8000 samples per second")
    assert audio.samples.shape == (32000,)
    write(tmp_path / "a.wv1", "NIST", sound(), subtype="ULAW")
    assert open_sound(tmp_path / "a.wv1", 16000).conversions == ("ULAW",)


@pytest.mark.parametrize("kind", ["FLAC", "NIST"])
def test_every_cut_is_noticed(tmp_path: Path, kind: str) -> None:
    data = write(tmp_path / "whole", kind, sound(0.25))
    path = tmp_path / "cut"
    for size in [*range(0, 64, 7), *range(64, len(data) - 1, 401), len(data) - 2]:
        path.write_bytes(data[:size])
        with pytest.raises(AudioError, match="empty|not a WAV|damaged|cut short|no samples"):
            open_sound(path, 16000)


def test_a_damaged_flac_never_gets_through_as_something_else(tmp_path: Path) -> None:
    data = write(tmp_path / "whole.flac", "FLAC", sound(0.25))
    path = tmp_path / "damaged.flac"
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(60):
        changed = np.frombuffer(data, np.uint8).copy()
        changed[rng.integers(0, len(data), 8)] ^= rng.integers(1, 256, 8, dtype=np.uint8)
        path.write_bytes(changed.tobytes())
        try:
            audio = open_sound(path, 16000)
        except AudioError:
            refused += 1
        else:
            assert np.isfinite(audio.samples).all()
    # FLAC has checksums: nearly all changes show.
    assert refused > 50


def test_a_header_that_promises_hours_is_refused(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "a.flac", "FLAC", sound()))
    # STREAMINFO's last 36 bits before the checksum are the number of samples.
    data[22:26] = b"\xff\xff\xff\xff"
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(AudioError, match="samples; cut it into utterances"):
        open_sound(tmp_path / "a.flac", 16000)


def silence(path: Path, samples: int, rate: int = 16000, channels: int = 1) -> Path:
    """A FLAC file of zeros: some bytes for each block of 4096 samples."""
    block = np.zeros((1 << 20, channels), np.int16)
    with soundfile.SoundFile(path, "w", rate, channels, "PCM_16", format="FLAC") as file:
        while samples > 0:
            file.write(block[:samples])
            samples -= len(block)
    return path


SETUP = """
import numpy, pathlib, soundfile
from tfpipeline.data.audio.sound_file import open_sound
"""
OPEN = "open_sound(pathlib.Path(sys.argv[1]), 16000)"


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (1000, 1), (48000, 8)])
def test_hours_of_silence_take_no_memory(tmp_path: Path, rate: int, channels: int) -> None:
    path = silence(tmp_path / "a.flac", (1 << 25) // channels, rate, channels)
    assert path.stat().st_size < 300_000
    name, sentence = error_of(SETUP, OPEN, path, megabytes=32)
    assert name == "AudioError" and "cut it into utterances" in sentence


def test_minutes_of_silence_are_read(tmp_path: Path) -> None:
    path = silence(tmp_path / "a.flac", 5 * 60 * 16000)
    assert open_sound(path, 16000).samples.shape == (5 * 60 * 16000,)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="there is no such file"):
        open_sound(tmp_path / "missing.flac", 16000)
    with pytest.raises(AudioError, match="is not a file"):
        open_sound(tmp_path, 16000)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="is not a file"):
        open_sound(tmp_path / "pipe.wav", 16000)
