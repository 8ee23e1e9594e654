from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.data import AudioError, read_wav, write_wav
from tfpipeline.data.audio.wav import decode_wav, open_wav, to_int16

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(1600) / 16000)).astype(np.float32)


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def form(tag: int = PCM, channels: int = 1, rate: int = 16000, bits: int = 16) -> bytes:
    width = channels * bits // 8
    body = struct.pack("<HHIIHH", tag, channels, rate, rate * width & 0xFFFFFFFF, width, bits)
    if tag == EXTENSIBLE:
        body += struct.pack("<HHIH", 22, bits, 0, PCM) + bytes(14)
    return chunk(b"fmt ", body)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def encoded(audio: np.ndarray, tag: int, bits: int) -> bytes:
    if tag == FLOAT:
        return audio.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return (np.rint(audio * 127) + 128).astype(np.uint8).tobytes()
    values = np.rint(audio.astype(np.float64) * (2 ** (bits - 1) - 1)).astype("<i4")
    if bits == 24:
        return values.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return values.astype(f"<i{bits // 8}").tobytes()


@pytest.mark.parametrize(
    ("tag", "bits", "error"),
    # Half a step of the encoding and its scale of 2^n - 1 against 2^n.
    [
        *[(PCM, 8, 1e-2), (PCM, 16, 4e-5), (PCM, 24, 2e-7), (PCM, 32, 1e-7)],
        *[(FLOAT, 32, 0.0), (FLOAT, 64, 0.0), (EXTENSIBLE, 16, 4e-5)],
    ],
)
def test_every_encoding_is_read(tag: int, bits: int, error: float) -> None:
    body = encoded(TONE, PCM if tag == EXTENSIBLE else tag, bits)
    audio = decode_wav(riff(form(tag, bits=bits), chunk(b"data", body)))
    np.testing.assert_allclose(audio.samples, TONE, atol=error, rtol=0)
    assert audio.samples.dtype == np.float32
    assert audio.sample_rate == 16000


def test_extremes_of_24_bits() -> None:
    body = bytes([0, 0, 0x80, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 1, 0, 0])
    samples = decode_wav(riff(form(bits=24), chunk(b"data", body))).samples
    np.testing.assert_array_equal(samples * 2**23, [-(2**23), 2**23 - 1, -1, 1])


def test_conversions_are_told() -> None:
    def conversions(**layout: int) -> tuple[str, ...]:
        return decode_wav(riff(form(**layout), chunk(b"data", bytes(2400)))).conversions

    assert conversions() == ()
    assert conversions(bits=8) == ("8-bit",)
    assert conversions(channels=2) == ("stereo",)
    assert conversions(channels=6) == ("6 channels",)
    assert conversions(rate=44100) == ("44100 samples per second",)
    assert conversions(tag=FLOAT, bits=32) == ("32-bit floating point",)
    assert len(conversions(bits=24, channels=2, rate=8000)) == 3


def test_channels_are_averaged() -> None:
    both = np.stack([TONE, np.zeros_like(TONE)], axis=1)
    body = both.astype("<f4").tobytes()
    audio = decode_wav(riff(form(FLOAT, channels=2, bits=32), chunk(b"data", body)))
    np.testing.assert_allclose(audio.samples, TONE / 2, rtol=1e-7)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_other_rates_are_resampled(rate: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate) * 0.5
    data = riff(form(FLOAT, rate=rate, bits=64), chunk(b"data", tone.tobytes()))
    samples = decode_wav(data).samples
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000) * 0.5
    assert samples.shape == (16000,)
    # The first and last milliseconds see the silence outside.
    np.testing.assert_allclose(samples[200:-200], expected[200:-200], atol=2e-4)


def test_other_chunks_are_passed_over_and_may_be_odd() -> None:
    body = encoded(TONE, PCM, 16)
    data = riff(chunk(b"LIST", b"odd"), form(), chunk(b"fact", b"1234"), chunk(b"data", body))
    assert len(decode_wav(data).samples) == 1600


def test_a_size_left_open_by_a_pipe_means_the_rest() -> None:
    data = riff(form(), b"data" + b"\xff" * 4 + encoded(TONE, PCM, 16))
    assert len(decode_wav(data).samples) == 1600


# Steps of 24 bits, and of 20.
FINE = np.rint(TONE.astype(np.float64) * (2**23 - 1)).astype("<i4")
COARSE = np.rint(TONE.astype(np.float64) * (2**19 - 1)).astype("<i4")


def in_container(values: np.ndarray, width: int, bits: int, valid: int | None = None) -> bytes:
    """Samples of `bits` bits in containers of `width` bytes; the extensible form has `valid`."""
    body = values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    layout = struct.pack("<HHIIHH", PCM if valid is None else EXTENSIBLE, 1, 16000, 0, width, bits)
    if valid is not None:
        layout += struct.pack("<HHIH", 22, valid, 0, PCM) + bytes(14)
    return riff(chunk(b"fmt ", layout), chunk(b"data", body))


@pytest.mark.parametrize(
    ("data", "bits", "told"),
    [
        (in_container(FINE << 8, 4, 24), 24, "24-bit in 4 bytes"),
        (in_container(FINE, 4, 24), 24, "24-bit in 4 bytes"),
        (in_container(FINE << 8, 4, 32, 24), 24, "24-bit in 4 bytes"),
        (in_container(FINE, 4, 32, 24), 24, "24-bit in 4 bytes"),
        (in_container(COARSE << 4, 3, 20), 20, "20-bit in 3 bytes"),
        (in_container(COARSE << 4, 3, 24, 20), 20, "20-bit in 3 bytes"),
        (in_container(COARSE, 3, 24, 20), 20, "20-bit in 3 bytes"),
        (in_container(FINE >> 8 & ~0xF, 2, 12), 12, "12-bit in 2 bytes"),
        # A header that claims less than the samples use, in containers that are full.
        (in_container((FINE << 8) + 1, 4, 32, 24), 24, "24-bit in 4 bytes"),
    ],
)
def test_bits_may_be_fewer_than_those_of_the_container(data: bytes, bits: int, told: str) -> None:
    audio = decode_wav(data)
    np.testing.assert_allclose(audio.samples, TONE, atol=2.0 ** (1 - bits), rtol=0)
    assert audio.conversions == (told,)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (in_container((FINE << 8) + 1, 4, 24), "24 bits in 4 bytes, and its samples use more"),
        (in_container(FINE, 1, 16), "blocks of 1 bytes for 1 samples of 16 bits"),
        (in_container(FINE, 0, 16), "blocks of 0 bytes"),
    ],
)
def test_containers_that_do_not_hold_what_the_header_claims(data: bytes, part: str) -> None:
    with pytest.raises(AudioError, match=part):
        decode_wav(data)


def left_open(riff_size: int, size: int, kind: bytes = b"RIFF", before: bytes = b"") -> bytes:
    head = kind + struct.pack("<I", riff_size) + b"WAVE" + before + form()
    return head + b"data" + struct.pack("<I", size) + encoded(TONE, PCM, 16)


def ds64(size: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", 0, size, 0, 0))


@pytest.mark.parametrize(
    "data",
    [
        left_open(0xFFFFFFFF, 0xFFFFFFFF),  # ffmpeg
        left_open(0x7FFFF024, 0x7FFFF000),  # SoX
        left_open(0x80000024, 0x80000000),  # arecord
        left_open(36, 0),  # GStreamer
        left_open(0, 0),  # a recorder that was killed
        left_open(0xFFFFFFFF, 0xFFFFFFFF, b"RF64", ds64(3200)),
        left_open(0xFFFFFFFF, 0xFFFFFFFF, b"BW64", ds64(3200) + chunk(b"LIST", b"abcd")),
        left_open(0xFFFFFFFF, 0xFFFFFFFF, b"RF64", ds64(0)),
        left_open(0xFFFFFFFF, 3200, b"RF64", ds64(3200)),
    ],
)
def test_sizes_that_pipes_leave_open_and_sizes_of_64_bits(data: bytes) -> None:
    np.testing.assert_allclose(decode_wav(data).samples, TONE, atol=4e-5, rtol=0)
    # What comes after a known end is not a sample.
    if b"RF64" in data and ds64(3200) in data:
        assert len(decode_wav(data + chunk(b"LIST", bytes(40))).samples) == 1600


def test_a_recording_of_nothing_does_not_take_what_follows_for_samples() -> None:
    with pytest.raises(AudioError, match="holds no samples"):
        decode_wav(riff(form(), chunk(b"data", b""), chunk(b"LIST", b"INFOISFT\6\0\0\0abcdef")))


def test_samples_in_several_chunks_are_joined() -> None:
    body = encoded(TONE, PCM, 16)
    parts = [chunk(b"data", body[:1000]), chunk(b"LIST", b"odd"), chunk(b"data", body[1000:])]
    audio = decode_wav(riff(form(), *parts))
    np.testing.assert_array_equal(
        audio.samples, decode_wav(riff(form(), chunk(b"data", body))).samples
    )
    assert audio.conversions == ("2 parts",)
    with pytest.raises(AudioError, match="changes its format in the middle"):
        decode_wav(riff(form(), parts[0], form(channels=2), parts[2]))
    whole = riff(form(), chunk(b"data", body))
    with pytest.raises(AudioError, match="followed by a second WAV file"):
        decode_wav(whole + whole)


def test_an_odd_chunk_without_its_padding() -> None:
    data = riff(b"LIST\3\0\0\0odd", form(), chunk(b"data", encoded(TONE, PCM, 16)))
    assert len(decode_wav(data).samples) == 1600


@pytest.mark.parametrize("scale", [32768.0, 9000.0, 100.0])
def test_float_audio_at_the_scale_of_integers_is_refused(scale: float, tmp_path: Path) -> None:
    body = encoded(TONE * np.float32(scale), FLOAT, 32)
    data = riff(form(FLOAT, bits=32), chunk(b"data", body))
    with pytest.raises(AudioError, match="has a peak of .* divide it by 32768"):
        decode_wav(data)
    with pytest.raises(ValueError, match="divide it by 32768"):
        write_wav(tmp_path / "a.wav", TONE * np.float32(scale))


def test_float_audio_may_exceed_full_scale() -> None:
    loud = TONE * np.float32(8.0)  # a peak of 4, 12 dB above
    data = riff(form(FLOAT, bits=32), chunk(b"data", encoded(loud, FLOAT, 32)))
    np.testing.assert_array_equal(decode_wav(data).samples, loud)


def test_devices_and_pipes_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "pipe.wav", Path(os.devnull)):
        with pytest.raises(AudioError, match="is a device or a pipe"):
            read_wav(path)


BODY = encoded(TONE, PCM, 16)
NAN = np.array([0.0, np.nan], "<f4").tobytes()


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "is empty"),
        (b"RIFF", "not a WAV file"),
        (b"ID3" + bytes(100), "not a WAV file"),
        (b"RIFF\0\0\0\0AVI " + bytes(100), "not a WAV file"),
        (riff(), "has no format"),
        (riff(form()), "has no samples"),
        (riff(chunk(b"data", BODY), form()), "before their format"),
        (riff(form(), chunk(b"data", b"")), "holds no samples"),
        (riff(form(), chunk(b"data", b"\0")), "holds no samples"),
        (riff(form(), chunk(b"data", BODY))[:-100], "promises 3200 bytes .* 3100 are there"),
        (riff(b"fmt " + struct.pack("<I", 4) + bytes(4)), "format chunk is cut short"),
        (riff(form(channels=0), chunk(b"data", BODY)), "0 channels"),
        (riff(form(rate=0), chunk(b"data", BODY)), "0 samples per second"),
        (riff(form(rate=10**9), chunk(b"data", BODY)), "1000000000 samples per second"),
        (riff(form(bits=12), chunk(b"data", BODY)), "blocks of 1 bytes for 1 samples of 12 bits"),
        (riff(form(tag=2, bits=4), chunk(b"data", BODY)), "encoding 2 with 4 bits"),
        (riff(form(FLOAT, bits=32), chunk(b"data", NAN)), "NaN"),
        (
            riff(form(FLOAT, bits=32), chunk(b"data", b"\x00\x00\x80\x60")),
            "has a peak of 7.37.* divide it by 32768",
        ),
    ],
)
def test_damage_is_one_sentence(data: bytes, part: str) -> None:
    with pytest.raises(AudioError, match=part) as caught:
        decode_wav(data, name="clip.wav")
    assert str(caught.value).startswith("clip.wav: ")
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        read_wav(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="cannot be read"):
        read_wav(tmp_path)


VALID = riff(form(channels=2, rate=22050), chunk(b"LIST", b"abc"), chunk(b"data", BODY[:400]))


def audio_or_sentence(data: bytes) -> None:
    try:
        audio = decode_wav(data)
    except AudioError as error:
        assert str(error).startswith("WAV data: ")
    else:
        assert audio.samples.ndim == 1
        assert len(audio.samples) > 0
        assert np.isfinite(audio.samples).all()


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_audio_or_a_sentence(data: bytes) -> None:
    audio_or_sentence(data)
    audio_or_sentence(b"RIFF\0\0\0\0WAVE" + data)
    audio_or_sentence(riff(form(FLOAT, bits=32), chunk(b"data", data)))


@given(
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=6),
    st.integers(0, len(VALID)),
)
@settings(max_examples=250, deadline=None)
def test_any_damage_to_a_file_gives_audio_or_a_sentence(
    changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(VALID)
    for position, value in changes:
        data[position] = value
    audio_or_sentence(bytes(data[:length]))
    audio_or_sentence(bytes(data))


@given(
    st.sampled_from([PCM, FLOAT, EXTENSIBLE]),
    st.integers(0, 70),
    st.integers(0, 800000),
    st.sampled_from([8, 16, 24, 32, 64]),
)
@settings(max_examples=150, deadline=None)
def test_any_layout_gives_audio_or_a_sentence(
    tag: int, channels: int, rate: int, bits: int
) -> None:
    audio_or_sentence(riff(form(tag, channels, rate, bits), chunk(b"data", BODY[:512])))


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=200))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_back_bit_for_bit(values: list[int]) -> None:
    import tempfile

    samples = np.array(values, np.int16)
    with tempfile.TemporaryDirectory() as folder:
        write_wav(Path(folder) / "a.wav", samples)
        audio = open_wav(Path(folder) / "a.wav")
        np.testing.assert_array_equal(audio.samples * 32768, samples)
        assert audio.conversions == ()
        write_wav(Path(folder) / "b.wav", audio.samples)
        assert (Path(folder) / "b.wav").read_bytes() == (Path(folder) / "a.wav").read_bytes()


def test_python_reads_what_is_written(tmp_path: Path) -> None:
    import wave

    write_wav(tmp_path / "a.wav", TONE, 8000)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (1, 2, 8000, 1600)


def test_values_beyond_full_scale_are_clipped() -> None:
    found = to_int16(np.array([-2.0, -1.0, 0.0, 0.99999, 1.0, 2.0]))
    np.testing.assert_array_equal(found, [-32768, -32768, 0, 32767, 32767, 32767])


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.wav"
    write_wav(target, TONE)
    before = target.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_wav(target, np.zeros(5, np.int16))
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("bad", [np.zeros((2, 2), np.int16), np.zeros(2, int), np.array([np.nan])])
def test_unusable_samples_are_refused(tmp_path: Path, bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="write_wav: samples must"):
        write_wav(tmp_path / "a.wav", bad)
    assert not list(tmp_path.iterdir())


def test_programs_may_import_the_older_name() -> None:
    from tfpipeline.data import wav as older

    assert (older.read_wav, older.write_wav) == (read_wav, write_wav)
    assert (older.decode_wav, older.open_wav) == (decode_wav, open_wav)
