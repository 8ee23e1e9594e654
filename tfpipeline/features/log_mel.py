"""Log-mel energies of an audio signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfpipeline.features.audio_level import fault_of
from tfpipeline.features.log_mel_config import LogMelConfig
from tfpipeline.features.mel_filters import MelFilters

if TYPE_CHECKING:
    from tfpipeline.features.log_mel_stream import LogMelStream

_FORMAT = "log_mel"
_VERSION = 1
# Frames handled at once: their spectra and filter products stay in a core's own cache.
_BLOCK = 32


class LogMel:
    """Causal log-mel features, the same for training, for whole clips and for a live stream.

    Frame `t` covers the samples `hop*t ... hop*t + window - 1` (nothing is padded or centred):

        spectrum[t] = rfft(hann * frame[t], fft_size)
        energy[t]   = filters . (re^2 + im^2)
        feature[t]  = (ln(max(energy[t], log_floor)) - mean) / std

    as in Davis and Mermelstein, "Comparison of parametric representations for monosyllabic word
    recognition", 1980, without their cosine transform. All is computed in float64 by elementwise
    operations and a transform a frame, then rounded to float32: a frame's bits do not depend on
    how many frames are computed with it.

    Args:
        config: constants of the front end; a `LogMelConfig()` when None.
        mean: `(num_mels,)` mean of the training data's features, subtracted; None for zeros.
        std: `(num_mels,)` standard deviations, divided by; None for ones.

    Raises:
        ValueError: `mean` or `std` of a wrong length or with values that cannot be used.

    Example:
        >>> import numpy as np
        >>> LogMel()(np.zeros(16000, np.int16)).shape
        (98, 40)
    """

    def __init__(
        self,
        config: LogMelConfig | None = None,
        mean: Sequence[float] | np.ndarray | None = None,
        std: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        self.config = LogMelConfig() if config is None else config
        self.mean = self._constants("mean", mean, 0.0)
        self.std = self._constants("std", std, 1.0)
        if not (self.std > 0.0).all():
            raise ValueError("LogMel: every value of std must be greater than 0; check the data.")
        # The periodic window, as spectral analysis uses it.
        n = np.arange(self.config.window_samples)
        self._window = 0.5 - 0.5 * np.cos(2.0 * np.pi * n / self.config.window_samples)
        self._filters = MelFilters(self.config)

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        """Computes the features of whole signals.

        Args:
            audio: `(samples,)` or `(batch, samples)`, int16 or floating point in [-1, 1]. Peaks
                above that are taken up to 10; beyond, and in whole numbers, they are int16 samples
                that were never divided by 32768.

        Returns:
            float32, `(frames, num_mels)` or `(batch, frames, num_mels)`; no frame when there are
            fewer samples than a window.

        Raises:
            ValueError: another rank, type or level, or values that are not finite.
        """
        signal = as_samples(audio)
        if signal.ndim not in (1, 2):
            raise ValueError(
                f"LogMel: audio must be (samples,) or (batch, samples), got shape {signal.shape}."
            )
        batch = signal if signal.ndim == 2 else signal[None]
        frames = self.config.num_frames(batch.shape[1])
        out = np.empty((batch.shape[0], frames, self.config.num_mels), np.float32)
        for row, clip in zip(out, batch, strict=True):
            row[...] = self._features(clip, frames)
        return out if signal.ndim == 2 else out[0]

    def stream(self) -> LogMelStream:
        """Returns a new stream that turns chunks of samples into frames as they complete."""
        from tfpipeline.features.log_mel_stream import LogMelStream

        return LogMelStream(self)

    def normalize(self, features: np.ndarray) -> np.ndarray:
        """Applies `mean` and `std` to log energies `(..., num_mels)` that lack them."""
        return (features.astype(np.float32, copy=False) - self.mean) / self.std

    def to_config(self) -> dict[str, Any]:
        """Returns all constants, normalization included, as a dictionary that JSON can hold."""
        return {
            "type": _FORMAT,
            "version": _VERSION,
            **self.config.to_dict(),
            "mean": [float(value) for value in self.mean],
            "std": [float(value) for value in self.std],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LogMel:
        """Makes the front end that `to_config()` described.

        Raises:
            ValueError: no dictionary, another type or version of front end, an unknown key, or
                constants beyond what is possible.
        """
        if not isinstance(config, Mapping):
            raise ValueError(
                f"LogMel: expected the dictionary of to_config(), got {type(config).__name__}."
            )
        values = dict(config)
        kind, version = values.pop("type", _FORMAT), values.pop("version", _VERSION)
        if kind != _FORMAT or version != _VERSION:
            raise ValueError(
                f"LogMel: expected a front end of type {_FORMAT!r} version {_VERSION}, got "
                f"{kind!r} version {version!r}; use the tfpipeline release that wrote it."
            )
        mean, std = values.pop("mean", None), values.pop("std", None)
        return cls(LogMelConfig.from_dict(values), mean, std)

    def _features(self, samples: np.ndarray, frames: int) -> np.ndarray:
        """Features of the first `frames` frames of float32 `(samples,)`."""
        out = np.empty((frames, self.config.num_mels), np.float32)
        if not frames:
            return out
        window, hop = self.config.window_samples, self.config.hop_samples
        framed = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
        for start in range(0, frames, _BLOCK):
            block = framed[start : min(start + _BLOCK, frames)] * self._window
            spectrum = np.fft.rfft(block, self.config.fft_size, axis=1)
            power = spectrum.real * spectrum.real + spectrum.imag * spectrum.imag
            energy = np.maximum(self._filters(power), self.config.log_floor)
            out[start : start + len(block)] = np.log(energy)
        return self.normalize(out)

    def _constants(
        self, name: str, values: Sequence[float] | np.ndarray | None, default: float
    ) -> np.ndarray:
        expected = (self.config.num_mels,)
        try:
            array = np.full(expected, default) if values is None else np.asarray(values, np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"LogMel: {name} must be a list of numbers ({error}).") from error
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
        if single.shape != expected or not np.isfinite(single).all():
            raise ValueError(
                f"LogMel: {name} must hold {expected[0]} finite numbers, one a filter, got shape "
                f"{single.shape}."
            )
        return single


def as_samples(audio: np.ndarray) -> np.ndarray:
    """Returns int16 or floating-point audio as float32 in [-1, 1]; other types raise ValueError."""
    array = np.asarray(audio)
    if array.dtype == np.int16:
        return array.astype(np.float32) / np.float32(32768.0)
    if array.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"LogMel: audio must be int16, or float32 in [-1, 1], got {array.dtype}; convert it."
        )
    fault = fault_of(array)
    if fault is not None:
        raise ValueError(f"LogMel: audio {fault}.")
    return array.astype(np.float32, copy=False)
