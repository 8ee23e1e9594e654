"""Training on after pruning, with the zeros kept."""

from __future__ import annotations

from tfpipeline.callbacks.weight_masks import WeightMasks


class KeepZeros(WeightMasks):
    """Keeps the weights at zero that are zero when training begins.

    For a pruned model that was saved and loaded, or whose pruning callback is gone.

    Args:
        select: which trainable variables are looked at; None takes every kernel.

    Example:

    >>> model = keras.saving.load_model("pruned.keras")
    >>> model.fit(x, y, callbacks=[KeepZeros()])
    """

    def update(self, iteration: int) -> None:
        if iteration == 0:
            self.mask_zeros()
