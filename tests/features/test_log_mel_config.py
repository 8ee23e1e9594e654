from __future__ import annotations

import dataclasses

import pytest

from tfpipeline.features import LogMel, LogMelConfig


def test_defaults_are_25_ms_every_10_ms_at_16_khz() -> None:
    config = LogMelConfig()
    assert (config.window_samples, config.hop_samples) == (400, 160)
    assert config.num_frames(16000) == 98


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (16000, 98)]
)
def test_only_whole_frames_count(samples: int, frames: int) -> None:
    assert LogMelConfig().num_frames(samples) == frames


def test_configuration_round_trips_and_is_frozen() -> None:
    config = LogMelConfig(num_mels=20, high_hz=4000.0)
    assert LogMelConfig.from_dict(config.to_dict()) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.num_mels = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"num_mels": 0}, "num_mels must be greater than 0"),
        ({"num_mels": 40.0}, "num_mels must be a whole number"),
        ({"num_mels": True}, "num_mels must be a whole number"),
        ({"sample_rate": -1}, "sample_rate"),
        ({"hop_ms": "10"}, "hop_ms must be a number"),
        ({"log_floor": float("nan")}, "log_floor"),
        ({"log_floor": 0.0}, "log_floor"),
        ({"fft_size": 256}, "fft_size must hold the window of 400 samples"),
        ({"high_hz": 9000.0}, "high_hz"),
        ({"low_hz": 8000.0}, "low_hz"),
        ({"hop_ms": 0.01}, "at least one sample"),
        ({"sample_rate": 10**9}, "sample_rate must be at most 768000"),
        ({"window_ms": 1e9}, "window_ms must be at most 10000"),
        ({"hop_ms": 1e9}, "hop_ms must be at most 10000"),
        ({"num_mels": 10**6}, "num_mels must be at most 1024"),
        ({"fft_size": 10**9}, "fft_size must be at most 65536"),
        ({"fft_size": 10**5000}, "fft_size must be .*, got a number of 16610 bits"),
        ({"low_hz": 10**400}, "low_hz must be a number >= 0, got a number of"),
        ({"high_hz": float("inf")}, "high_hz must be a number"),
        ({"hop_ms": 0.0625, "fft_size": 65536}, "points of transforms for a second of audio"),
    ],
)
def test_impossible_constants_are_named(wrong: dict[str, float], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        LogMelConfig(**wrong)  # type: ignore[arg-type]


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValueError, match="unknown key 'mels'.*num_mels"):
        LogMelConfig.from_dict({"mels": 40})


def test_filters_without_a_bin_are_errors() -> None:
    with pytest.raises(ValueError, match="holds no bin"):
        LogMel(LogMelConfig(num_mels=128, low_hz=20.0))


@pytest.mark.parametrize("name", ["mean", "std"])
@pytest.mark.parametrize("value", [5, "x", {}, [1], ["a"] * 40, [1e300] * 40, [10**400] * 40])
def test_constants_that_are_no_list_of_numbers(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"LogMel: {name} must"):
        LogMel.from_config({**LogMel().to_config(), name: value})


@pytest.mark.parametrize("config", [5, None, "log_mel", [("num_mels", 40)]])
def test_a_front_end_is_a_dictionary(config: object) -> None:
    with pytest.raises(ValueError, match="expected the dictionary of to_config"):
        LogMel.from_config(config)  # type: ignore[arg-type]
