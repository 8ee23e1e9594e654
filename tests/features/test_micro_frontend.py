"""The front end of microcontrollers: whole and streamed, and what it refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tfpipeline.extras import MissingExtraError
from tfpipeline.features import LogMel, MicroFrontend, MicroFrontendStream, front_end_of

pytest.importorskip("pymicro_features", reason="pymicro-features is not installed")


def chirp(seconds: float = 1.0) -> np.ndarray:
    t = np.arange(round(16000 * seconds)) / 16000
    return np.rint(9000 * np.sin(2 * np.pi * (200 * t + 1500 * t * t))).astype(np.int16)


def test_it_has_a_frame_for_each_window() -> None:
    front_end = MicroFrontend()
    for samples in (0, 479, 480, 639, 640, 16000):
        features = front_end(chirp()[:samples])
        assert features.shape == (front_end.config.num_frames(samples), 40)
        assert features.dtype == np.float32


def test_features_are_integers_of_the_device_over_25_6() -> None:
    # 0.0390625 is 1 / 25.6; the device has 16 bits, of which a logarithm leaves the lowest ones.
    features = MicroFrontend()(chirp())
    steps = features / 0.0390625
    np.testing.assert_array_equal(steps, np.rint(steps))
    assert features.min() == 0.0 and 15.0 < features.max() < 26.0


def test_a_stream_gives_the_frames_of_the_whole_whatever_its_chunks() -> None:
    audio = chirp()
    whole = MicroFrontend()(audio)
    for chunk in (1, 100, 160, 161, 4000):
        stream = MicroFrontend().stream()
        parts = [stream.process(audio[i : i + chunk]) for i in range(0, len(audio), chunk)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_it_adapts_to_what_it_has_heard_and_forgets_it_with_reset() -> None:
    audio = chirp()
    stream = MicroFrontendStream()
    first = stream.process(audio)
    assert not np.array_equal(stream.process(audio)[-len(first) :], first)
    stream.reset()
    np.testing.assert_array_equal(stream.process(audio), first)


def test_floating_point_audio_is_the_same() -> None:
    audio = chirp(0.2)
    batch = np.stack([audio, -audio])
    expected = np.stack([MicroFrontend()(audio), MicroFrontend()(-audio)])
    np.testing.assert_array_equal(MicroFrontend()(batch), expected)
    np.testing.assert_array_equal(MicroFrontend()(batch / 32768.0), expected)
    # Full scale has no 16 bits.
    loud = np.ones(800, np.float32)
    np.testing.assert_array_equal(
        MicroFrontend()(loud), MicroFrontend()(np.full(800, 32767, np.int16))
    )


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros((2, 3, 480), np.int16), "MicroFrontend: audio must be"),
        (np.zeros(480, np.int32), "MicroFrontend: audio must be int16"),
        (np.full(480, np.nan, np.float32), "NaN"),
        (np.full(480, 9000.0, np.float32), "divide it by 32768"),
    ],
)
def test_it_refuses_what_is_no_audio(audio: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MicroFrontend()(audio)
    with pytest.raises(ValueError):
        MicroFrontendStream().process(audio)


def test_its_description_makes_it_again() -> None:
    assert isinstance(front_end_of(MicroFrontend().to_config()), MicroFrontend)
    assert isinstance(front_end_of(LogMel().to_config()), LogMel)
    for config in ({"type": "micro_frontend", "version": 2}, {"type": "mfcc"}, []):
        with pytest.raises(ValueError, match="front end|expected"):
            front_end_of(config)  # type: ignore[arg-type]


def test_without_its_package_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_features", None)
    with pytest.raises(MissingExtraError, match=r"tfpipeline\[esphome\]"):
        MicroFrontend()
