from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.features import LogMel, LogMelConfig, LogMelStream

AUDIO = (np.random.default_rng(0).standard_normal(8000) * 3000).astype(np.int16)


def streamed(log_mel: LogMel, audio: np.ndarray, sizes: list[int]) -> np.ndarray:
    stream, position, parts = log_mel.stream(), 0, []
    for size in [*sizes, len(audio)]:
        parts.append(stream.process(audio[position : position + size]))
        position += size
    return np.concatenate(parts)


@given(sizes=st.lists(st.integers(0, 1500), max_size=12))
@settings(max_examples=40, deadline=None)
def test_chunks_of_any_size_give_the_bits_of_the_whole(sizes: list[int]) -> None:
    log_mel = LogMel(mean=np.arange(40.0), std=np.arange(1.0, 41.0))
    np.testing.assert_array_equal(streamed(log_mel, AUDIO, sizes), log_mel(AUDIO))


@pytest.mark.parametrize("hop", [7.5, 25.0, 40.0, 100.0])
def test_any_hop_shorter_or_longer_than_the_window(hop: float) -> None:
    log_mel = LogMel(LogMelConfig(hop_ms=hop))
    np.testing.assert_array_equal(streamed(log_mel, AUDIO, [100] * 79), log_mel(AUDIO))


def test_a_frame_comes_with_the_sample_that_completes_it() -> None:
    stream = LogMel().stream()
    assert isinstance(stream, LogMelStream)
    assert stream.process(AUDIO[:399]).shape == (0, 40)
    assert stream.process(AUDIO[399:400]).shape == (1, 40)
    assert stream.process(AUDIO[400:559]).shape == (0, 40)
    assert stream.process(AUDIO[559:560]).shape == (1, 40)


def test_reset_starts_anew() -> None:
    log_mel = LogMel()
    stream = log_mel.stream()
    stream.process(AUDIO[1000:1777])
    stream.reset()
    np.testing.assert_array_equal(stream.process(AUDIO), log_mel(AUDIO))


def test_streams_are_independent() -> None:
    log_mel = LogMel()
    first, second = log_mel.stream(), log_mel.stream()
    first.process(AUDIO[:300])
    np.testing.assert_array_equal(second.process(AUDIO), log_mel(AUDIO))


def test_a_refused_chunk_changes_nothing() -> None:
    log_mel = LogMel()
    stream = log_mel.stream()
    head = stream.process(AUDIO[:1000])
    with pytest.raises(ValueError, match="one stream for each channel"):
        stream.process(np.zeros((2, 160), np.int16))
    with pytest.raises(ValueError, match="NaN"):
        stream.process(np.full(160, np.nan))
    rest = stream.process(AUDIO[1000:])
    np.testing.assert_array_equal(np.concatenate([head, rest]), log_mel(AUDIO))
