"""Batches of feature sequences, varied as voices and recordings vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How far training features are varied; every field at 0 leaves them as they are.

    Args:
        frequency_warp: largest relative stretch of the mel axis, as from a longer or shorter vocal
            tract.
        tempo: largest relative change of speaking rate.
        shift_frames: largest shift in time.
        gain: standard deviation of a level added to all features of a clip (they have unit
            variance).
        frequency_mask: most neighbouring mel bands set to the mean.
        time_mask: most neighbouring frames set to the mean.
    """

    frequency_warp: float = 0.15
    tempo: float = 0.1
    shift_frames: int = 8
    gain: float = 0.3
    frequency_mask: int = 4
    time_mask: int = 10


class AugmentedBatches(keras.utils.PyDataset):
    """Shuffled batches of `features` with their labels, varied anew every epoch.

    The order and the variations follow from the seed, the epoch and the batch's number alone.

    Args:
        features: float32 `(clips, frames, bands)`.
        labels: `(clips,)`.
        batch_size: clips of a batch; the last one of an epoch may be smaller.
        augmentation: how far to vary.
        seed: seed of order and variations.
    """

    def __init__(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        super().__init__()
        self.features = features
        self.labels = labels
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.seed = seed
        self._epoch = 0
        self._shuffle()

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, 1, self._epoch, index))
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        return augment(self.features[chosen], self.augmentation, rng), self.labels[chosen]

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        rng = np.random.default_rng((self.seed, 0, self._epoch))
        self._order = rng.permutation(len(self.labels))


def augment(features: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Return a varied copy of `features` `(clips, frames, bands)`."""
    clips, frames, bands = features.shape

    def uniform(largest: float) -> np.ndarray:
        return rng.uniform(-largest, largest, (clips, 1))

    # Frame t of the result is the nearest frame to the stretched and shifted time.
    middle = (frames - 1) / 2
    times = (np.arange(frames) - middle) * np.exp(uniform(how.tempo)) + middle
    times = np.rint(times + uniform(how.shift_frames)).astype(np.int64)
    x = features[np.arange(clips)[:, None], np.clip(times, 0, frames - 1)]

    if how.frequency_warp:
        # Linear interpolation between bands, as one small matrix for each clip.
        position = np.clip(np.arange(bands) * np.exp(uniform(how.frequency_warp)), 0, bands - 1)
        warp = np.maximum(0, 1 - np.abs(np.arange(bands)[:, None] - position[:, None, :]))
        x = np.matmul(x, warp.astype(np.float32))
    if how.gain:
        x += rng.normal(0, how.gain, (clips, 1, 1)).astype(np.float32)
    x *= _kept(rng, clips, frames, how.time_mask)[:, :, None]
    x *= _kept(rng, clips, bands, how.frequency_mask)[:, None, :]
    return x


def _kept(rng: np.random.Generator, clips: int, length: int, most: int) -> Any:
    """Return a mask that is False in one run of 0 to `most` entries of each row."""
    width = rng.integers(0, most + 1, (clips, 1))
    start = rng.integers(0, length, (clips, 1))
    place = np.arange(length)
    return (place < start) | (place >= start + width)
