"""Long recordings in blocks: the same bits as at once."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.data import AudioError, read_wav, write_wav
from tfpipeline.data.audio.wav_blocks import WavBlocks


def wav(body: bytes, channels: int, rate: int, bits: int, tag: int = 1) -> bytes:
    block = channels * bits // 8
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, tag,
                       channels, rate, rate * block, block, bits)  # fmt: skip
    return head + struct.pack("<4sI", b"data", len(body)) + body


@pytest.mark.parametrize("rate", [16000, 8000, 44100, 48000, 15999])
@pytest.mark.parametrize(("channels", "bits", "tag"), [(1, 16, 1), (2, 24, 1), (3, 32, 3)])
def test_blocks_are_the_whole(
    tmp_path: Path, rate: int, channels: int, bits: int, tag: int
) -> None:
    rng = np.random.default_rng(rate + bits)
    samples = rate // 2 + 7
    if tag == 3:
        body = rng.uniform(-1, 1, samples * channels).astype("<f4").tobytes()
    else:
        body = rng.integers(0, 256, samples * channels * bits // 8, np.uint8).tobytes()
    (tmp_path / "a.wav").write_bytes(wav(body, channels, rate, bits, tag))
    expected = read_wav(tmp_path / "a.wav")
    for seconds in (0.05, 0.11, 9.0):
        blocks = WavBlocks(tmp_path / "a.wav", block_seconds=seconds)
        assert blocks.seconds == samples / rate
        found = list(blocks)
        assert rate == 15999 or len(found) > 3 or seconds == 9.0
        np.testing.assert_array_equal(np.concatenate(found), expected)
        # A second time it begins anew.
        assert sum(map(len, blocks)) == len(expected)


def test_a_file_in_two_parts_is_read_too(tmp_path: Path) -> None:
    body = np.arange(100, dtype="<i2").tobytes()
    data = wav(body, 1, 16000, 16)
    data += struct.pack("<4sI", b"data", len(body)) + body
    (tmp_path / "a.wav").write_bytes(data)
    found = np.concatenate(list(WavBlocks(tmp_path / "a.wav", block_seconds=0.001)))
    np.testing.assert_array_equal(found, read_wav(tmp_path / "a.wav"))
    assert len(found) == 200


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name, content in (("none.wav", b""), ("text.wav", b"RIFF, but no more than text of it")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AudioError, match=name):
            WavBlocks(tmp_path / name)
    with pytest.raises(AudioError, match="no such file"):
        WavBlocks(tmp_path / "gone.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="is not a file"):
        WavBlocks(tmp_path / "pipe.wav")
    write_wav(tmp_path / "empty.wav", np.zeros(0, np.int16))
    with pytest.raises(AudioError, match="no samples"):
        WavBlocks(tmp_path / "empty.wav")
    (tmp_path / "nan.wav").write_bytes(wav(np.full(9, np.nan, "<f4").tobytes(), 1, 16000, 32, 3))
    with pytest.raises(AudioError, match="NaN"):
        list(WavBlocks(tmp_path / "nan.wav"))
