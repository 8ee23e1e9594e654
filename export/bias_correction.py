"""Takes the mean error that rounded weights make out of the bias of a dense layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfpipeline.export.float_graph import FloatOperator
from tfpipeline.export.modes import FLOAT32, Mode
from tfpipeline.numerics.recurrent import QuantizedMatrix


class BiasCorrection:
    """The correction of every dense layer of a graph.

    Args:
        means: Mean of each activation on the calibration data over all but its last axis, by
            tensor index.
    """

    def __init__(self, means: Mapping[int, np.ndarray]) -> None:
        self._means = means

    def of(
        self,
        op: FloatOperator,
        values: np.ndarray,
        quantized: QuantizedMatrix,
        mode: Mode,
        bias: np.ndarray | None,
    ) -> np.ndarray | None:
        """The bias less the mean error that rounded weights make on the calibration data."""
        mean = self._means.get(op.inputs[0])
        if mode.activations == FLOAT32 or mean is None or mean.shape[0] != values.shape[1]:
            return bias
        error = (quantized.values * quantized.scales[:, None] - values) @ mean
        start = np.zeros(len(error)) if bias is None else bias
        return np.asarray(start - error, np.float32)
