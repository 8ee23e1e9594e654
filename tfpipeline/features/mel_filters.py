"""Triangular mel filters, applied without a matrix product."""

from __future__ import annotations

import math

import numpy as np

from tfpipeline.features.log_mel_config import LogMelConfig


def hz_to_mel(hz: float) -> float:
    """Return the mel scale, `2595 log10(1 + hz / 700)` (O'Shaughnessy 1987, as in HTK)."""
    return 2595.0 * math.log10(1.0 + hz / 700.0)


def mel_to_hz(mel: float) -> float:
    """Return the inverse of `hz_to_mel`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


class MelFilters:
    """Bank of `num_mels` triangles, equally wide on the mel scale, each with a peak of 1.

    A matrix product would round differently for one frame than for a hundred, because BLAS picks
    its kernels by shape. Here every filter's products are added pairwise in one fixed tree of
    elementwise additions, so that a streamed frame has the bits of a frame in a batch.

    Args:
        config: the front end's constants.

    Raises:
        ValueError: a filter is so narrow that no bin of the transform lies in it.
    """

    def __init__(self, config: LogMelConfig) -> None:
        low, high = hz_to_mel(config.low_hz), hz_to_mel(config.high_hz)
        edges = [
            mel_to_hz(low + (high - low) * i / (config.num_mels + 1))
            for i in range(config.num_mels + 2)
        ]
        bin_hz = config.sample_rate / config.fft_size
        hz = np.arange(config.fft_size // 2 + 1) * bin_hz
        filters: list[tuple[np.ndarray, np.ndarray]] = []
        for left, centre, right in zip(edges, edges[1:], edges[2:], strict=False):
            inside = np.flatnonzero((hz > left) & (hz < right))
            rising = (hz[inside] - left) / (centre - left)
            weight = np.minimum(rising, (right - hz[inside]) / (right - centre))
            if not (weight > 0.0).any():
                raise ValueError(
                    f"LogMelConfig: filter {len(filters)} ({left:.0f} to {right:.0f} Hz) holds no "
                    f"bin of a {config.fft_size}-point transform; use fewer num_mels, a higher "
                    "low_hz or a larger fft_size."
                )
            filters.append((inside[weight > 0.0], weight[weight > 0.0]))
        self.num_mels = config.num_mels
        self._taps = max(len(taps) for taps, _ in filters)
        bins = np.zeros((self._taps, config.num_mels), np.intp)
        weights = np.zeros((self._taps, config.num_mels), np.float64)
        for m, (taps, weight) in enumerate(filters):
            bins[: len(taps), m], weights[: len(taps), m] = taps, weight
        self._bins, self._weights = bins, weights

    def matrix(self, fft_size: int) -> np.ndarray:
        """Return the bank as a dense `(fft_size // 2 + 1, num_mels)` matrix, for inspection."""
        dense = np.zeros((fft_size // 2 + 1, self.num_mels))
        for j in range(self._taps):
            dense[self._bins[j], np.arange(self.num_mels)] += self._weights[j]
        return dense

    def __call__(self, power: np.ndarray) -> np.ndarray:
        """Map power spectra `(frames, bins)` to filter energies `(frames, num_mels)`."""
        terms = np.take(power, self._bins, axis=1)
        terms *= self._weights
        count = self._taps
        while count > 1:
            half = (count + 1) // 2
            terms[:, : count - half] += terms[:, half:count]
            count = half
        return terms[:, 0]
