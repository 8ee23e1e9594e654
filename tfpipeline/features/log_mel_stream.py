"""Log-mel features of a live signal."""

from __future__ import annotations

import numpy as np

from tfpipeline.features.log_mel import LogMel, as_samples


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
        self.reset()

    def reset(self) -> None:
        """Forgets the samples seen so far: the next chunk starts a new signal."""
        self._pending = np.empty(0, np.float32)
        # Samples still to drop where the hop is longer than the window.
        self._skip = 0

    def process(self, samples: np.ndarray) -> np.ndarray:
        """Takes the next `(samples,)`, int16 or float in [-1, 1]; returns `(k, num_mels)`, k >= 0.

        Raises:
            ValueError: samples of another rank or type; the stream is then unchanged.
        """
        chunk = as_samples(samples)
        if chunk.ndim != 1:
            raise ValueError(
                f"LogMelStream: samples must have the shape (samples,), got {chunk.shape}; "
                "keep one stream for each channel."
            )
        config = self.log_mel.config
        pending = np.concatenate([self._pending, chunk])
        dropped = min(self._skip, len(pending))
        pending = pending[dropped:]
        frames = config.num_frames(len(pending))
        used = min(frames * config.hop_samples, len(pending))
        self._skip = self._skip - dropped + frames * config.hop_samples - used
        # A copy, so that a long chunk is not kept alive by its last few samples.
        self._pending = pending[used:].copy()
        return self.log_mel._features(pending, frames)
