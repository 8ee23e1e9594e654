"""Batch normalization whose averages all time steps share."""

from __future__ import annotations

import warnings

import keras
import numpy as np
from keras import ops

from tfpipeline.normalizations.batch import Batch


@keras.saving.register_keras_serializable(package="tfpipeline.normalizations")
class BatchShared(Batch):
    """Batch normalization with one moving mean and variance for all time steps.

    See `Batch`; the averages move once a batch, by the mean over its time steps. At inference it is
    one factor and one summand a unit.

    Args:
        initial_gain: of every gain. 0.1 keeps gates out of saturation (Cooijmans et al. 2016).
        epsilon: added to the variance.
        momentum: what a moving average keeps at each batch.
    """

    def fold(self, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gain, offset, mean, variance = (
            np.asarray(ops.convert_to_numpy(v), np.float64)
            for v in (self.gain, self.offset, self.moving_mean, self.moving_variance)
        )
        if not mean.any() and (variance == 1).all():
            warnings.warn(
                "normalization='batch_shared' folds averages that are as they start, mean 0 and "
                "variance 1: expected those of a training with batches of two or more, received "
                "none; train the layer so before it is folded.",
                stacklevel=2,
            )
        scale = gain / np.sqrt(variance + self.epsilon)
        return scale.astype(np.float32), (offset - mean * scale).astype(np.float32)
