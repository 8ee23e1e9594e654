"""A dense layer with quantized weights and normalized products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline import normalizations, quantizers
from tfpipeline.layers.copying import with_own_objects
from tfpipeline.layers.dense_layer import DenseLayer
from tfpipeline.layers.factored.factored_kernel import as_it_is, check_built
from tfpipeline.layers.recurrent.kernel_forms import KernelOptions, WholeKernel
from tfpipeline.layers.recurrent.low_bit.normalized_product import NormalizedProduct
from tfpipeline.layers.recurrent.low_bit.quantized_weights import QuantizedWeights
from tfpipeline.layers.recurrent.products import PreparedKernel
from tfpipeline.normalizations import Layer, Steps


@keras.saving.register_keras_serializable(package="tfpipeline")
class NormalizedDense(DenseLayer):
    """`activation(N(x Q(W)) + b)`: a dense layer of one, two or a few bits.

    With a quantizer Q of the kernel and a normalization N of its products, as in `NormalizedLSTM`
    (Hou et al. 2019). A batch normalization takes one mean and variance over all rows of the input
    that are not masked, and moving averages of them at inference.

    Args:
        units, activation, ..., bias_constraint: as in `keras.layers.Dense`.
        weight_quantizer: a name or object of `tfpipeline.quantizers`, or None for full precision. A
            kernel of one feature stays in full precision.
        normalization: None, `"weight"`, `"layer"`, `"batch_shared"`, or such an object of
            `tfpipeline.normalizations`.
        seed: of a quantizer that draws.

    Call arguments:
        inputs: `(batch, ..., features)`.
        mask: booleans `(batch, ...)`; masked rows have no part in the statistics of a batch.
        training: whether a random quantizer draws, and batches give statistics.

    Raises:
        ValueError: for units or a name that does not exist, `"batch_separate"`, a batch of one row
            in training with `"batch_shared"`, and LAB or LAT in training without the second moments
            of Adam.

    Example:

    >>> NormalizedDense(64, "relu", weight_quantizer="TWN")(np.zeros((2, 32))).shape
    (2, 64)
    """

    def __init__(
        self,
        *args: Any,
        weight_quantizer: Any = "TerConnect",
        normalization: Any = "weight",
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.weight_quantizer = quantizers.get(weight_quantizer)
        self.normalization: Any = normalizations.get(normalization)
        if self.normalization is not None and self.normalization.COUNTS_TIME:
            raise ValueError(
                "`normalization` of NormalizedDense must be None, 'weight', 'layer' or "
                "'batch_shared'; received 'batch_separate', which has averages for each time step, "
                "and a dense layer counts none: use 'batch_shared'."
            )
        self.seed = seed
        draws = self.weight_quantizer is not None and self.weight_quantizer.RANDOM
        self.seed_generator = keras.random.SeedGenerator(seed) if draws else None
        self.quantized = QuantizedWeights(self.weight_quantizer, self.seed_generator)
        self._normal: Any = None
        self._larger_batch = False

    def build_kernel(self, features: int) -> None:
        is_plain = self.weight_quantizer is None and self.normalization is None
        whole = self.quantized.keeps_whole(self, features)
        options = KernelOptions(
            name="kernel",
            argument="units",
            shape=(features, self.units),
            gates=("",),
            rank=None,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            read=None if is_plain else as_it_is if whole else self.quantized.read,
        )
        self._kernel = WholeKernel(self, options)
        self.quantized.build(self, [] if whole else list(self.weights))
        if self.normalization is not None:
            self._normal = self.normalization.for_kernel(
                self, "kernel", 1, self.units, self._kernel.start
            )

    @property
    def kernel(self) -> Any:
        """Kernel `(features, units)` as it is multiplied with, before it is normalized."""
        return self._kernel.product()

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        learns = bool(training) and self._normal is not None and self._normal.OF_BATCHES
        with self.quantized.during(bool(training), once=True):
            if learns:
                return self.finish(self._of_a_batch(inputs, mask))
            return self.finish(self._products(inputs, self.kernel, Steps()))

    def _products(self, inputs: Any, kernel: Any, steps: Steps) -> Any:
        prepared = PreparedKernel((ops.cast(kernel, self.compute_dtype),), 1)
        if self._normal is None:
            return prepared(inputs)
        constants = self._normal.constants(lambda: kernel)
        return NormalizedProduct(prepared, self._normal, constants, steps)(inputs)

    def _of_a_batch(self, inputs: Any, mask: Any) -> Any:
        rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
        self._larger_batch = self._normal.check_batch(rows.shape[0], self._larger_batch)
        weight = None if mask is None else ops.reshape(ops.cast(mask, "float32"), (-1, 1))
        count = ops.shape(rows)[0] if weight is None else ops.sum(weight)
        steps = Steps(training=True, weight=weight, seen=[])
        products = self._products(rows, self.kernel, steps)
        ((mean, variance),) = steps.seen or []
        several = ops.cast(ops.cast(count, "float32") > 1.5, "float32")
        self._normal.update(mean, variance, ops.reshape(several, (1,)), 0)
        return ops.reshape(products, (*ops.shape(inputs)[:-1], self.units))

    def fold(self) -> tuple[np.ndarray, np.ndarray]:
        """Return kernel `(features, units)` and bias `(units,)` that compute the same at inference.

        Raises:
            ValueError: the normalization does not fold.
        """
        check_built(self, "fold()")
        kernel = ops.convert_to_numpy(self.kernel)
        bias = np.zeros(self.units, np.float32)
        if self.bias is not None:
            bias = bias + ops.convert_to_numpy(self.bias)
        if self._normal is not None:
            scale, offset = self._normal.fold(kernel)
            kernel, bias = kernel * scale, bias + offset
        return kernel.astype(np.float32), bias.astype(np.float32)

    def collapse(self) -> keras.layers.Dense:
        """Return the built `keras.layers.Dense` that computes the same function at inference.

        Raises:
            ValueError: the normalization does not fold.
        """
        kernel, bias = self.fold()
        config = with_own_objects(self.get_config(), self)
        for own in ("weight_quantizer", "normalization", "seed"):
            del config[own]
        plain = keras.layers.Dense.from_config({**config, "use_bias": True})
        plain.build((None, len(kernel)))
        plain.set_weights([kernel, bias])
        return plain

    def folded_call(self) -> Callable[[Any], Any]:
        """Return the call at inference, of numbers that are computed now; see `protocol`."""
        if isinstance(self._normal, Layer):
            kernel = ops.convert_to_numpy(self.kernel)
            return lambda inputs: self.finish(
                self._products(inputs, ops.convert_to_tensor(kernel), Steps())
            )
        kernel, bias = self.fold()
        return lambda inputs: self.activation(ops.matmul(inputs, kernel) + bias)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "weight_quantizer": quantizers.serialize(self.weight_quantizer),
            "normalization": normalizations.serialize(self.normalization),
            "seed": self.seed,
        }
