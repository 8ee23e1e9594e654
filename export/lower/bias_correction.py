"""The biases of products, with or without the mean error that rounded weights make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tfpipeline.export.emit.products_of_weights import dense
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.modes import FLOAT32, Mode


class Biases:
    """Biases of the products of a graph, those of dense layers corrected.

    Of two products without anything between them the last one's bias takes up the error of both,
    in the portable form too: our op for them has one bias, and both forms have the same bits.

    Args:
        source: The float graph.
        means: Mean of each activation on the calibration data over all but its last axis, by
            tensor index; where there is none, nothing is corrected.
        firsts: The first product of each such pair.
    """

    def __init__(
        self,
        source: FloatGraph,
        means: Mapping[int, np.ndarray],
        firsts: Iterable[FloatOperator],
    ) -> None:
        self._source = source
        self._means = means
        self._firsts = {op.outputs[0]: op for op in firsts}

    def plain(self, op: FloatOperator) -> np.ndarray | None:
        """Return the bias of a product as it is in the model; None without one."""
        if len(op.inputs) < 3 or op.inputs[2] < 0:
            return None
        return self._source.tensors[op.inputs[2]].data

    def corrected(self, op: FloatOperator, mode: Mode) -> np.ndarray | None:
        """Return the same of a dense layer less the mean error that rounded weights make."""
        bias = self.plain(op)
        if mode.activations == FLOAT32 or op.outputs[0] in self._firsts:
            return bias
        mean = self._means.get(op.inputs[0])
        first = self._firsts.get(op.inputs[0])
        rounded_mean = mean
        if first is not None:
            rounded_mean = self._product(first, self._means.get(first.inputs[0]), mode)
        rounded, exact = self._product(op, rounded_mean, mode), self._product(op, mean)
        if rounded is None or exact is None:
            return bias
        error = rounded - exact
        start = np.zeros(len(error)) if bias is None else bias
        return np.asarray(start - error, np.float32)

    def _product(
        self, op: FloatOperator, mean: np.ndarray | None, mode: Mode | None = None
    ) -> np.ndarray | None:
        """Return the product of a mean with an op's weights, as a mode rounds them or exact."""
        values = self._source.tensors[op.inputs[1]].data
        if values is None or mean is None or mean.shape[0] != values.shape[1]:
            return None
        if mode is not None:
            quantized, _ = dense(values, mode)
            values = quantized.values * quantized.scales[:, None]
        return np.asarray(values @ mean)
