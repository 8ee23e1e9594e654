"""Long recordings in batches, for `RollingModel` with `every_frame`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfpipeline.recipes.rolling_model import FEATURES, KEEP
from tfpipeline.recipes.stream_frames import StreamFrames


class RecordingBatches(keras.utils.PyDataset):
    """Pieces of recordings: lane i of a batch goes on where lane i of the batch before it ended.

    All recordings are laid end to end, in an order and from a place that are drawn anew for each
    epoch, and cut into as many lanes as are wanted. Lanes begin anew with an epoch only, so that
    states are as old as they get.

    Args:
        recordings: of one front end.
        lanes: streams side by side.
        steps: time steps of a batch.
        seed: of order and place.
        gain: standard deviation of a level that is added to all features of a recording.

    Raises:
        ValueError: fewer frames than a batch has.
    """

    def __init__(
        self,
        recordings: Sequence[StreamFrames],
        lanes: int = 32,
        steps: int = 100,
        seed: int = 0,
        gain: float = 0.0,
    ) -> None:
        super().__init__()
        self.recordings = list(recordings)
        self.lanes, self.steps = lanes, steps
        self.seed, self.gain = seed, gain
        frames = sum(map(len, self.recordings))
        self._batches = frames // (lanes * steps)
        if self._batches < 1:
            raise ValueError(
                f"recordings must have at least {lanes * steps} frames, for {lanes} lanes of "
                f"{steps} steps; received {frames}: record more, or take fewer lanes."
            )
        self._epoch = 0
        self._lay()

    def __len__(self) -> int:
        return self._batches

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], Any, Any]:
        part = slice(index * self.steps, (index + 1) * self.steps)
        keep = np.full(self.lanes, index > 0, np.float32)
        features, labels, weights = (lanes[:, part] for lanes in self._lanes)
        return {FEATURES: features, KEEP: keep}, labels, weights

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._lay()

    def _lay(self) -> None:
        rng = np.random.default_rng((self.seed, self._epoch))
        order = [self.recordings[i] for i in rng.permutation(len(self.recordings))]
        louder = rng.normal(0, self.gain, len(order)).astype(np.float32)
        joined = [
            np.concatenate([one.features + x for one, x in zip(order, louder, strict=True)]),
            np.concatenate([one.labels for one in order]),
            np.concatenate([one.weights for one in order]),
        ]
        shift = int(rng.integers(len(joined[1])))
        length = self._batches * self.steps
        self._lanes = [
            np.roll(values, -shift, axis=0)[: self.lanes * length].reshape(
                self.lanes, length, *values.shape[1:]
            )
            for values in joined
        ]
