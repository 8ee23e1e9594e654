from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.features import LogMel, LogMelConfig
from tfpipeline.features.mel_filters import MelFilters, hz_to_mel, mel_to_hz

# Frames and filters of a chirp, computed once with numpy 2.4.
GOLDEN = np.array([-0.9761969, 4.381821, -1.594406, -11.42766, -13.81551])


def chirp(seconds: float = 1.0) -> np.ndarray:
    t = np.arange(round(16000 * seconds)) / 16000
    return (0.3 * np.sin(2 * np.pi * (200 * t + 1500 * t * t))).astype(np.float32)


def noise(shape: int | tuple[int, ...], seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * 3000).astype(np.int16)


def brute_force(audio: np.ndarray, config: LogMelConfig) -> np.ndarray:
    """The definition, term by term: a sum over cosines and sines, and dense triangles."""
    window, size = config.window_samples, config.fft_size
    n, k = np.arange(window), np.arange(size // 2 + 1)
    hann = np.sin(np.pi * n / window) ** 2
    angle = 2 * np.pi * np.outer(n, k) / size
    mels = np.linspace(hz_to_mel(config.low_hz), hz_to_mel(config.high_hz), config.num_mels + 2)
    edges = [mel_to_hz(mel) for mel in mels]
    hz = k * config.sample_rate / size
    rows = []
    for start in range(0, len(audio) - window + 1, config.hop_samples):
        frame = audio[start : start + window].astype(np.float64) * hann
        power = (frame @ np.cos(angle)) ** 2 + (frame @ np.sin(angle)) ** 2
        row = []
        for left, centre, right in zip(edges, edges[1:], edges[2:], strict=False):
            triangle = np.interp(hz, [left, centre, right], [0.0, 1.0, 0.0])
            row.append(np.log(max(power @ triangle, config.log_floor)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(
    "config",
    [
        LogMelConfig(),
        LogMelConfig(num_mels=13, low_hz=0.0, high_hz=4000.0, window_ms=32.0, hop_ms=16.0),
        LogMelConfig(sample_rate=8000, high_hz=3800.0, fft_size=300, num_mels=20),
    ],
)
def test_equals_the_definition(config: LogMelConfig) -> None:
    audio = chirp(0.2) + noise(3200) / np.float32(32768)
    # float32 output: half a unit in the last place of values below 16 is 5e-7.
    np.testing.assert_allclose(LogMel(config)(audio), brute_force(audio, config), atol=1e-6)


def test_golden_values() -> None:
    features = LogMel()(chirp())
    assert features.shape == (98, 40)
    assert features.dtype == np.float32
    found = features[[0, 0, 40, 97, 97], [0, 4, 15, 30, 39]]
    np.testing.assert_allclose(found, GOLDEN, rtol=2e-6)


def test_a_tone_is_loudest_in_the_filter_around_it() -> None:
    low, high = hz_to_mel(60.0), hz_to_mel(7600.0)
    for m in (5, 20, 35):
        hz = mel_to_hz(low + (high - low) * (m + 1) / 41)
        tone = 0.1 * np.sin(2 * np.pi * hz * np.arange(4000) / 16000)
        assert (LogMel()(tone).argmax(axis=1) == m).all()


def test_silence_is_the_floor() -> None:
    features = LogMel()(np.zeros(800, np.int16))
    np.testing.assert_array_equal(features, np.full((3, 40), np.float32(np.log(1e-6))))


def test_filters_as_a_matrix_are_the_filters() -> None:
    config = LogMelConfig()
    filters = MelFilters(config)
    power = np.random.default_rng(0).random((5, 257))
    np.testing.assert_allclose(filters(power), power @ filters.matrix(512), rtol=1e-13)


@given(batch=st.integers(1, 5), samples=st.integers(0, 9000))
@settings(max_examples=20, deadline=None)
def test_a_batch_has_the_bits_of_its_clips(batch: int, samples: int) -> None:
    clips = noise((batch, samples))
    together = LogMel()(clips)
    assert together.shape == (batch, LogMelConfig().num_frames(samples), 40)
    for row, clip in zip(together, clips, strict=True):
        np.testing.assert_array_equal(row, LogMel()(clip))


def test_integers_and_floats_have_the_same_bits() -> None:
    clip = noise(4000)
    expected = LogMel()(clip)
    np.testing.assert_array_equal(LogMel()(clip / np.float32(32768)), expected)
    np.testing.assert_array_equal(LogMel()(clip.astype(np.float64) / 32768), expected)


def test_frames_are_causal() -> None:
    clip = noise(16000)
    changed = clip.copy()
    changed[8000:] = 0
    before, after = LogMel()(clip), LogMel()(changed)
    # Frame t sees samples up to 160 t + 399.
    same = (before == after).all(axis=1)
    np.testing.assert_array_equal(same, 160 * np.arange(98) + 399 < 8000)


def test_normalization_is_the_last_step() -> None:
    rng = np.random.default_rng(1)
    mean, std = rng.normal(size=40), rng.uniform(0.5, 2.0, 40)
    plain, scaled = LogMel(), LogMel(mean=mean, std=std)
    clip = noise(2000)
    expected = (plain(clip) - mean.astype(np.float32)) / std.astype(np.float32)
    np.testing.assert_array_equal(scaled(clip), expected)
    np.testing.assert_array_equal(scaled.normalize(plain(clip)), expected)


def test_configuration_survives_json_bit_for_bit() -> None:
    rng = np.random.default_rng(2)
    first = LogMel(LogMelConfig(num_mels=20), rng.normal(size=20), rng.uniform(0.5, 2.0, 20))
    second = LogMel.from_config(json.loads(json.dumps(first.to_config())))
    assert second.to_config() == first.to_config()
    np.testing.assert_array_equal(second(noise(3000)), first(noise(3000)))


def test_configuration_errors() -> None:
    config = LogMel().to_config()
    with pytest.raises(ValueError, match="unknown key 'preemphasis'"):
        LogMel.from_config({**config, "preemphasis": 0.97})
    with pytest.raises(ValueError, match="version 2"):
        LogMel.from_config({**config, "version": 2})
    with pytest.raises(ValueError, match="'mfcc'"):
        LogMel.from_config({**config, "type": "mfcc"})
    with pytest.raises(ValueError, match="mean must hold 40 finite numbers"):
        LogMel.from_config({**config, "mean": [0.0]})
    with pytest.raises(ValueError, match="std must be greater than 0"):
        LogMel(std=np.zeros(40))


@pytest.mark.parametrize(
    ("audio", "part"),
    [
        (np.zeros((2, 3, 400), np.int16), "got shape"),
        (np.zeros(400, np.int32), "got int32"),
        (np.zeros(400, np.uint8), "got uint8"),
        (np.full(400, np.nan, np.float32), "NaN"),
        (np.full(400, np.inf), "infinity"),
    ],
)
def test_unusable_audio_is_refused(audio: np.ndarray, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        LogMel()(audio)


@pytest.mark.parametrize("scale", [32768.0, 300.0, 40.0])
def test_float_audio_at_the_scale_of_integers_is_refused(scale: float) -> None:
    loud = chirp() * np.float32(scale)
    for take in (LogMel(), LogMel().stream().process):
        with pytest.raises(ValueError, match="has a peak of .* divide it by 32768"):
            take(loud)


def test_whole_numbers_beyond_full_scale_are_integers_however_quiet() -> None:
    quiet = np.rint(chirp() * 10).astype(np.float32)
    assert np.abs(quiet).max() == 3
    with pytest.raises(ValueError, match="has a peak of 3 where full scale is 1"):
        LogMel()(quiet)


def test_audio_somewhat_beyond_full_scale_is_audio() -> None:
    loud = chirp() * 16
    assert 4 < np.abs(loud).max() < 5
    # Energies grow by the square, wherever they are above the floor in both.
    soft, rise = LogMel()(chirp()), LogMel()(loud) - LogMel()(chirp())
    np.testing.assert_allclose(rise[soft > -13], 2 * np.log(16), rtol=1e-5)
    clipped = np.sign(chirp()).astype(np.float32)
    assert np.isfinite(LogMel()(clipped)).all()


def test_the_features_need_numpy_only() -> None:
    code = (
        "import sys, tfpipeline.features\n"
        "heavy = {'tensorflow', 'keras', 'scipy', 'ai_edge_litert', 'jax'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
