"""Clips laid end to end: what `RollingModel` is trained on."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.recipes.rolling_model import FEATURES, KEEP


class RollingBatches(keras.utils.PyDataset):
    """Batches of clips as streams: clip i of a batch follows clip i of the batch before it.

    Each lane is a stream of clips, of a length that is drawn anew for each stream, from one clip to
    as many as `max_steps` holds; then its state begins anew. All begin anew with an epoch. A last,
    smaller batch is filled up with clips of the first.

    Args:
        batches: of clips of one length, with what belongs to them: `(features, labels)`, a label a
            clip or a frame. Shuffled anew each epoch, a stream never has the same clips again.
        max_steps: longest stream, in time steps of the features.
        seed: of the lengths; they follow from it, the epoch and the number of the batch alone.

    Raises:
        ValueError: streams shorter than one clip.
    """

    def __init__(self, batches: keras.utils.PyDataset, max_steps: int, seed: int = 0) -> None:
        super().__init__()
        first, _ = batches[0]
        self.lanes = len(first)
        self.most_clips = max_steps // first.shape[1]
        if self.most_clips < 1:
            raise ValueError(
                f"`max_steps` must hold a clip of {first.shape[1]} time steps; received "
                f"{max_steps!r}."
            )
        self.batches = batches
        self.seed = seed
        self._epoch = 0
        self._draw()

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], Any]:
        features, labels = self.batches[index]
        if len(features) < self.lanes:
            more, of_more = self.batches[0]
            missing = self.lanes - len(features)
            features = np.concatenate([features, more[:missing]])
            labels = np.concatenate([labels, of_more[:missing]])
        return {FEATURES: features, KEEP: self._keep[index]}, labels

    def on_epoch_end(self) -> None:
        self.batches.on_epoch_end()
        self._epoch += 1
        self._draw()

    def _draw(self) -> None:
        rng = np.random.default_rng((self.seed, self._epoch))
        self._keep = np.ones((len(self.batches), self.lanes), np.float32)
        for lane in range(self.lanes):
            begins = 0
            while begins < len(self.batches):
                self._keep[begins, lane] = 0
                begins += int(rng.integers(1, self.most_clips + 1))
