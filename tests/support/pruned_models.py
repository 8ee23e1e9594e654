"""Models whose weights have whole 8x4 blocks of zeros, without a training that makes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.numerics.block_sparse import BLOCK


def zero_blocks(
    kernel: np.ndarray, share: float, rng: np.random.Generator, gates: int = 1
) -> np.ndarray:
    """Keras' kernel `(in, gates * out)` with this share of each gate's blocks set to zero."""
    depth, rows = kernel.shape[0], kernel.shape[1] // gates
    shape = (-(-depth // BLOCK[1]), -(-rows // BLOCK[0]))
    blocks = shape[0] * shape[1]
    kept = []
    for _ in range(gates):
        mask = rng.permutation(blocks).reshape(shape) >= share * blocks
        kept.append(np.kron(mask, np.ones((BLOCK[1], BLOCK[0])))[:depth, :rows])
    return kernel * np.concatenate(kept, axis=1)


def prune(model: Any, kept_dense: tuple[str, ...] = (), share: float = 0.75) -> Any:
    """Zeroes blocks of every kernel whose path has none of `kept_dense` in it."""
    rng = np.random.default_rng(7)
    for weight in model.trainable_variables:
        path = weight.path
        if "kernel" not in path or any(name in path for name in kept_dense):
            continue
        values = np.asarray(weight)
        # The first factor of two has rows of the rank; any other matrix has those of the gates.
        gates = 3 if "gru" in path and not path.endswith("left") else 1
        # What is kept is larger, so that a signal gets through several layers.
        weight.assign(zero_blocks(values, share, rng, gates) / np.sqrt(1.0 - share))
    return model
