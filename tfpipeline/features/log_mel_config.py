"""The constants of the log-mel front end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class LogMelConfig:
    """Constants of `LogMel`; the defaults are 16 kHz, 25 ms windows every 10 ms, 40 filters.

    Args:
        sample_rate: samples per second.
        window_ms: length of a frame, milliseconds.
        hop_ms: step from frame to frame, milliseconds.
        num_mels: number of triangular filters.
        low_hz: lower edge of the first filter, hertz.
        high_hz: upper edge of the last filter, hertz, at most half of `sample_rate`.
        fft_size: points of the Fourier transform; frames are padded with zeros up to it.
        log_floor: filter energies below it count as it, so that silence has a finite logarithm.

    Raises:
        ValueError: a constant that is impossible, alone or beside the others.

    Example:
        >>> LogMelConfig(num_mels=20).hop_samples
        160
    """

    sample_rate: int = 16000
    window_ms: float = 25.0
    hop_ms: float = 10.0
    num_mels: int = 40
    low_hz: float = 60.0
    high_hz: float = 7600.0
    fft_size: int = 512
    log_floor: float = 1e-6

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            whole = field.type == "int"
            fits = isinstance(value, int) if whole else isinstance(value, (int, float))
            if not fits or isinstance(value, bool) or not math.isfinite(value) or value < 0:
                kind = "a whole number" if whole else "a number"
                raise ValueError(f"LogMelConfig: {field.name} must be {kind} >= 0, got {value!r}.")
            if value == 0 and field.name != "low_hz":
                raise ValueError(f"LogMelConfig: {field.name} must be greater than 0, got 0.")
        if self.window_samples < 1 or self.hop_samples < 1:
            raise ValueError(
                f"LogMelConfig: window_ms={self.window_ms} and hop_ms={self.hop_ms} must span at "
                f"least one sample at {self.sample_rate} samples per second; use larger values."
            )
        if self.fft_size < self.window_samples:
            raise ValueError(
                f"LogMelConfig: fft_size must hold the window of {self.window_samples} samples, "
                f"got {self.fft_size}; use a larger fft_size or a shorter window_ms."
            )
        if not self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ValueError(
                f"LogMelConfig: expected low_hz < high_hz <= sample_rate / 2, got low_hz="
                f"{self.low_hz}, high_hz={self.high_hz}, sample_rate={self.sample_rate}."
            )

    @property
    def window_samples(self) -> int:
        """Samples in a frame."""
        return round(self.sample_rate * self.window_ms / 1000.0)

    @property
    def hop_samples(self) -> int:
        """Samples from the start of a frame to the start of the next."""
        return round(self.sample_rate * self.hop_ms / 1000.0)

    def num_frames(self, samples: int) -> int:
        """Whole frames in `samples` samples; nothing is padded, so one second gives 98."""
        if samples < self.window_samples:
            return 0
        return 1 + (samples - self.window_samples) // self.hop_samples

    def to_dict(self) -> dict[str, Any]:
        """Returns the constants as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LogMelConfig:
        """Makes a configuration from `to_dict()`'s result; an unknown key raises ValueError."""
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(
                f"LogMelConfig: unknown key {unknown[0]!r}; the known ones are {', '.join(known)}."
            )
        return cls(**values)
