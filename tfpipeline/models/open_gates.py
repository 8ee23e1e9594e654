"""GRU layers that remember from the start."""

from __future__ import annotations

import keras
import numpy as np


def open_update_gates(
    layer: keras.layers.GRU, memory_frames: float, rng: np.random.Generator
) -> None:
    """Let the update gates of a built GRU layer start open, for spans of up to `memory_frames`.

    Their input bias becomes log(u) with u uniform between 1 and it (Tallec and Ollivier 2018, "Can
    recurrent neural networks warp time?", section 2). 1 leaves them at zero, as Keras has them.

    Args:
        layer: with `reset_after=True`, all biases zero.
        memory_frames: at least 1.
        rng: gives the spans.

    Raises:
        ValueError: when `memory_frames` is below 1.
    """
    if not memory_frames >= 1:
        raise ValueError(f"`memory_frames` must be at least 1; received {memory_frames!r}.")
    bias = np.zeros((2, 3 * layer.units), np.float32)
    bias[0, : layer.units] = np.log(rng.uniform(1, memory_frames, layer.units))
    layer.cell.bias.assign(bias)
