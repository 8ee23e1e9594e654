"""The constants of the log-mel front end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

_MOST_OF_ALL = 1e300
_MOST = {
    "sample_rate": 768_000,
    "window_ms": 10_000,
    "hop_ms": 10_000,
    "num_mels": 1024,
    "fft_size": 1 << 16,
}
_MOST_POINTS = 1e8


@dataclasses.dataclass(frozen=True)
class LogMelConfig:
    """Constants of `LogMel`; the defaults are 16 kHz, 25 ms windows every 10 ms, 40 filters.

    They may come from a file of anybody, so each has a limit, far above what audio needs.

    Args:
        sample_rate: samples per second, at most 768,000.
        window_ms: length of a frame, milliseconds, at most 10,000.
        hop_ms: step from frame to frame, milliseconds, at most 10,000. A second of audio may make
            at most 10^8 points of transforms, frames per second times `fft_size`.
        num_mels: number of triangular filters, at most 1,024.
        low_hz: lower edge of the first filter, hertz.
        high_hz: upper edge of the last filter, hertz, at most half of `sample_rate`.
        fft_size: points of the Fourier transform; frames are padded with zeros up to it. At most
            65,536.
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
            # Compared first: isfinite cannot take an integer beyond the range of floats.
            if not fits or isinstance(value, bool) or not 0 <= value <= _MOST_OF_ALL:
                kind = "a whole number" if whole else "a number"
                raise ValueError(
                    f"LogMelConfig: {field.name} must be {kind} >= 0, got {_shown(value)}."
                )
            if value > _MOST.get(field.name, math.inf):
                raise ValueError(
                    f"LogMelConfig: {field.name} must be at most {_MOST[field.name]}, got "
                    f"{_shown(value)}."
                )
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
        points = self.sample_rate / self.hop_samples * self.fft_size
        if points > _MOST_POINTS:
            raise ValueError(
                f"LogMelConfig: hop_ms={self.hop_ms} and fft_size={self.fft_size} take "
                f"{points:.0e} points of transforms for a second of audio, at most "
                f"{_MOST_POINTS:.0e} are possible; use a larger hop_ms."
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
        """Return how many whole frames `samples` samples have; nothing is padded: 98 a second."""
        if samples < self.window_samples:
            return 0
        return 1 + (samples - self.window_samples) // self.hop_samples

    def to_dict(self) -> dict[str, Any]:
        """Return the constants as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LogMelConfig:
        """Make a configuration from `to_dict()`'s result; an unknown key raises ValueError."""
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(values) - set(known), key=str)
        if unknown:
            raise ValueError(
                f"LogMelConfig: unknown key {unknown[0]!r}; the known ones are {', '.join(known)}."
            )
        return cls(**values)


def _shown(value: Any) -> str:
    """Return a value for a line of a message; an integer may have thousands of digits."""
    return f"a number of {value.bit_length()} bits" if _is_huge(value) else repr(value)[:60]


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and value.bit_length() > 128
