from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.data import resample
from tfpipeline.data.audio import resampling


def tone(hz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 44101, 48000, 96000])
def test_a_tone_stays_the_same_tone(rate: int) -> None:
    found = resample(tone(1000, rate), rate, 16000)
    # The filter's ripple is under -70 dB; the ends see the silence outside.
    np.testing.assert_allclose(
        found[100:-100], tone(1000, 16000)[100 : len(found) - 100], atol=3e-4
    )


def test_what_the_new_rate_cannot_hold_is_removed() -> None:
    assert np.abs(resample(tone(9000, 48000), 48000, 16000)[200:-200]).max() < 10 ** (-70 / 20)
    assert np.abs(resample(tone(6000, 48000), 48000, 16000)[200:-200]).max() > 0.99


def test_a_constant_stays_constant() -> None:
    found = resample(np.ones(8000), 44100, 16000)
    np.testing.assert_allclose(found[100:-100], 1.0, atol=2e-4)


def test_both_ways_to_compute_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = np.random.default_rng(0).standard_normal(3000)
    shared = resample(audio, 22050, 16000)
    monkeypatch.setattr(resampling, "_SHARED_PHASES", 0)
    np.testing.assert_allclose(resample(audio, 22050, 16000), shared, atol=1e-6)


@given(st.integers(0, 500), st.integers(1, 96000), st.integers(1, 96000))
@settings(max_examples=40, deadline=None)
def test_the_length_follows_the_rates(samples: int, source: int, target: int) -> None:
    # Otherwise a test of one sample a second would ask for minutes of audio.
    if target > 50 * source or source > 200 * target:
        return
    found = resample(np.ones(samples), source, target)
    assert len(found) == math.ceil(samples * target / source)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_the_same_rate_changes_nothing() -> None:
    audio = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    np.testing.assert_array_equal(resample(audio, 16000, 16000), audio)


def test_unusable_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="rates must be at least 1"):
        resample(np.zeros(4), 0, 16000)
    with pytest.raises(ValueError, match="got \\(2, 2\\)"):
        resample(np.zeros((2, 2)), 8000, 16000)
