"""Log-mel energies of an audio signal, whole or in chunks as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tfpipeline.features.audio_level import as_samples
from tfpipeline.features.log_mel_config import LogMelConfig
from tfpipeline.features.mel_filters import MelFilters

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

    TYPE: ClassVar[str] = "log_mel"
    UNIT: ClassVar[str] = "natural logarithm of mel energies, less frontend.mean, over frontend.std"
    """Of its features."""

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
        """Compute the features of whole signals.

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
        """Return a new stream that turns chunks of samples into frames as they complete."""
        return LogMelStream(self)

    def normalize(self, features: np.ndarray) -> np.ndarray:
        """Apply `mean` and `std` to log energies `(..., num_mels)` that lack them."""
        return (features.astype(np.float32, copy=False) - self.mean) / self.std

    def to_config(self) -> dict[str, Any]:
        """Return all constants, normalization included, as a dictionary that JSON can hold."""
        return {
            "type": LogMel.TYPE,
            "version": _VERSION,
            **self.config.to_dict(),
            "mean": [float(value) for value in self.mean],
            "std": [float(value) for value in self.std],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LogMel:
        """Make the front end that `to_config()` described.

        Raises:
            ValueError: no dictionary, another type or version of front end, an unknown key, or
                constants beyond what is possible.
        """
        if not isinstance(config, Mapping):
            raise ValueError(
                f"LogMel: expected the dictionary of to_config(), got {type(config).__name__}."
            )
        values = dict(config)
        kind, version = values.pop("type", LogMel.TYPE), values.pop("version", _VERSION)
        if kind != LogMel.TYPE or version != _VERSION:
            raise ValueError(
                f"LogMel: expected a front end of type {LogMel.TYPE!r} version {_VERSION}, got "
                f"{kind!r} version {version!r}; use the tfpipeline release that wrote it."
            )
        mean, std = values.pop("mean", None), values.pop("std", None)
        return cls(LogMelConfig.from_dict(values), mean, std)

    @classmethod
    def windows_of(cls, config: Mapping[str, Any]) -> LogMelConfig:
        """Return the windows and filters of what `from_config` makes, which raises the same."""
        return cls.from_config(config).config

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


class LogMelStream:
    """Turns chunks of samples, however long, into the frames that `log_mel` gives for the whole.

    It waits for nothing but the last sample of a window: a frame comes out with the chunk that
    completes it, and its bits are those of the whole signal's frame.

    Args:
        log_mel: the front end; usually one calls `log_mel.stream()`.

    Example:
        >>> import numpy as np
        >>> stream = LogMel().stream()
        >>> [len(stream.process(np.zeros(160, np.int16))) for _ in range(4)]
        [0, 0, 1, 1]
    """

    def __init__(self, log_mel: LogMel) -> None:
        self.log_mel = log_mel
        self.config = log_mel.config
        self.reset()

    def reset(self) -> None:
        """Forget the samples seen so far: the next chunk starts a new signal."""
        self._pending = np.empty(0, np.float32)
        # Samples still to drop where the hop is longer than the window.
        self._skip = 0

    def process(self, samples: np.ndarray) -> np.ndarray:
        """Take the next `(samples,)`, int16 or float in [-1, 1]; return `(k, num_mels)`, k >= 0.

        Raises:
            ValueError: samples of another rank or type; the stream is then unchanged.
        """
        chunk = as_samples(samples)
        if chunk.ndim != 1:
            raise ValueError(
                f"LogMelStream: samples must have the shape (samples,), got {chunk.shape}; "
                "keep one stream for each channel."
            )
        config = self.config
        pending = np.concatenate([self._pending, chunk])
        dropped = min(self._skip, len(pending))
        pending = pending[dropped:]
        frames = config.num_frames(len(pending))
        used = min(frames * config.hop_samples, len(pending))
        self._skip = self._skip - dropped + frames * config.hop_samples - used
        # A copy, so that a long chunk is not kept alive by its last few samples.
        self._pending = pending[used:].copy()
        return self.log_mel._features(pending, frames)
