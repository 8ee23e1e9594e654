"""The front end of microcontrollers: that of TFLite-Micro, as ESPHome's wake words have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tfpipeline.extras import missing_extra
from tfpipeline.features.audio_level import as_samples
from tfpipeline.features.log_mel_config import LogMelConfig

_CONFIG = LogMelConfig(window_ms=30.0, hop_ms=10.0, num_mels=40, low_hz=125.0, high_hz=7500.0)
_BYTES = 2
_FULL_SCALE = 32768.0


class MicroFrontend:
    """Features of TFLite-Micro's front end, computed by its own code (PyPI: pymicro-features).

    40 filters from 125 to 7500 Hz on windows of 30 ms every 10 ms of 16 kHz audio, then noise
    reduction, automatic gain control of each filter (PCAN, Wang et al. 2017, arXiv:1607.05666) and
    a logarithm, all in integers. A feature is the integer over 25.6: from 0, in steps of 0.04, to
    about 26. These are the numbers that microWakeWord trains on and that an ESPHome device makes.

    Noise reduction and gain control adapt while a signal lasts. A clip begins with them untrained,
    a device runs for days: cut training samples out of the features of long recordings.

    Raises:
        MissingExtraError: pymicro-features is not installed.

    Example:
        >>> import numpy as np
        >>> MicroFrontend()(np.zeros(16000, np.int16)).shape             # doctest: +SKIP
        (98, 40)
    """

    TYPE: ClassVar[str] = "micro_frontend"
    CONFIG: ClassVar[dict[str, Any]] = {"type": TYPE, "version": 1}
    UNIT: ClassVar[str] = "integers of TFLite-Micro's front end, over 25.6"
    """Of its features."""
    config = _CONFIG
    """Its windows and filters, as those of `LogMel` are described; it has no others."""

    def __init__(self) -> None:
        _new_state()

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        """Compute the features of whole signals, each from an untrained state.

        Args:
            audio: `(samples,)` or `(batch, samples)`, int16 or floating point in [-1, 1].

        Returns:
            float32, `(frames, 40)` or `(batch, frames, 40)`.

        Raises:
            ValueError: another rank, type or level, or values that are not finite.
        """
        signal = _as_int16(audio)
        if signal.ndim not in (1, 2):
            raise ValueError(
                "MicroFrontend: audio must be (samples,) or (batch, samples), got shape "
                f"{signal.shape}."
            )
        if signal.ndim == 1:
            return MicroFrontendStream().process(signal)
        return np.stack([MicroFrontendStream().process(clip) for clip in signal])

    def stream(self) -> MicroFrontendStream:
        """Return a new stream that turns chunks of samples into frames as they complete."""
        return MicroFrontendStream()

    def to_config(self) -> dict[str, Any]:
        """Return what `from_config` makes this front end of; it has no constants to choose."""
        return dict(self.CONFIG)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> MicroFrontend:
        """Make the front end that `to_config()` described.

        Raises:
            ValueError: another type or version of front end.
        """
        cls.windows_of(config)
        return cls()

    @classmethod
    def windows_of(cls, config: Mapping[str, Any]) -> LogMelConfig:
        """Return the windows and filters of what `from_config` makes, without its package.

        Raises:
            ValueError: another type or version of front end.
        """
        if not isinstance(config, Mapping) or dict(config) != cls.CONFIG:
            raise ValueError(
                f"MicroFrontend: expected {cls.CONFIG}, got {config!r}; use the class of that type."
            )
        return cls.config


class MicroFrontendStream:
    """Turns chunks of samples, however long, into frames; it adapts to all that it has heard.

    Example:
        >>> import numpy as np
        >>> stream = MicroFrontendStream()                               # doctest: +SKIP
        >>> [len(stream.process(np.zeros(160, np.int16))) for _ in range(4)]    # doctest: +SKIP
        [0, 0, 1, 1]
    """

    config = _CONFIG

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin a new signal, with noise reduction and gain control untrained."""
        self._state = _new_state()
        self._pending = b""

    def process(self, samples: np.ndarray) -> np.ndarray:
        """Take the next `(samples,)`, int16 or float in [-1, 1]; return `(k, 40)`, k >= 0.

        Raises:
            ValueError: samples of another rank or type; the stream is then unchanged.
        """
        chunk = _as_int16(samples)
        if chunk.ndim != 1:
            raise ValueError(
                f"MicroFrontendStream: samples must have the shape (samples,), got {chunk.shape}; "
                "keep one stream for each channel."
            )
        data = self._pending + chunk.tobytes()
        frames, position, step = [], 0, _CONFIG.hop_samples * _BYTES
        while position + step <= len(data):
            found = self._state.process_samples(data[position : position + step])
            position += found.samples_read * _BYTES
            if found.features:
                frames.append(found.features)
        self._pending = data[position:]
        return np.asarray(frames, np.float32).reshape(-1, _CONFIG.num_mels)


def _as_int16(audio: np.ndarray) -> np.ndarray:
    array = np.asarray(audio)
    if array.dtype == np.int16:
        return array
    scaled = np.rint(as_samples(array, "MicroFrontend").astype(np.float64) * _FULL_SCALE)
    return np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def _new_state() -> Any:
    try:
        from pymicro_features import MicroFrontend as State
    except ImportError as error:
        raise missing_extra(error) or error from error
    return State()
