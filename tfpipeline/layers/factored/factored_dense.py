"""A dense layer whose kernel is a product of low-rank factors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.layers.copying import take_over, with_own_objects
from tfpipeline.layers.dense_layer import DenseLayer
from tfpipeline.layers.factored.factored_kernel import (
    FactoredKernel,
    apply_matrices,
    check_built,
    factored_config,
)
from tfpipeline.layers.factored.ranks import Rank, check_joint, check_rank
from tfpipeline.protocol import Factor


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredDense(DenseLayer):
    """`activation(x (kernel_left kernel_right) + bias)`: `keras.layers.Dense`, factored.

    Kliegl et al. (2018), section 3.1. The factors start from the balanced singular value split of
    the initializer's matrix, so that full rank starts as Keras' own layer.

    Args:
        units, activation, ..., bias_constraint: as in `keras.layers.Dense`. The kernel's
            regularizer and constraint act on each of the two factors.
        rank: `"full"`, an int, or a float in (0, 1] as a fraction of `min(features, units)`,
            rounded up.
        joint: `"partial"`, the only form for a single matrix.

    Call arguments:
        inputs: `(batch, ..., features)`.

    Raises:
        ValueError: for units or a rank that does not exist or does not fit the matrix.

    Example:

    >>> FactoredDense(64, rank=8)(np.zeros((2, 32))).shape
    (2, 64)
    """

    PLAIN = keras.layers.Dense

    def __init__(
        self, *args: Any, rank: Rank = "full", joint: str = "partial", **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.rank = check_rank(rank, "rank")
        self.joint = check_joint(joint, ("partial",))

    def build_kernel(self, features: int) -> None:
        self._kernel = FactoredKernel(
            self,
            "kernel",
            "rank",
            (features, self.units),
            self.rank,
            self.kernel_initializer,
            self.kernel_regularizer,
            self.kernel_constraint,
        )

    @property
    def kernel(self) -> Any:
        """Kernel `(features, units)`, multiplied out."""
        return self._kernel.product()

    def call(self, inputs: Any) -> Any:
        rows: int | None = 1
        for size in inputs.shape[:-1]:
            rows = None if rows is None or size is None else rows * size
        return self.finish(apply_matrices(inputs, self._kernel.matrices(rows)))

    def call_written(self, inputs: Any, multiplied_out: bool) -> Any:
        """Do as `call`, with the product or the factors as the caller says.

        Args:
            inputs: `(..., features)`.
            multiplied_out: whether the factors become one matrix.
        """
        kernel = self._kernel
        matrices = (kernel.product(),) if multiplied_out else (kernel.left, kernel.right)
        return self.finish(apply_matrices(inputs, matrices))

    def factors(self) -> tuple[Factor, ...]:
        """Return the factored kernel; see `tfpipeline.protocol`."""
        check_built(self, "factors()")
        return (self._kernel.factor(),)

    def with_ranks(self, **ranks: int) -> FactoredDense:
        """Return a new, unbuilt layer of the same configuration with another rank."""
        return type(self).from_config({**with_own_objects(self.get_config(), self), **ranks})

    def collapse(self) -> keras.layers.Dense:
        """Return the built `keras.layers.Dense` that computes the same function."""
        check_built(self, "collapse()")
        config = with_own_objects(self.get_config(), self)
        del config["rank"], config["joint"]
        if hasattr(self.kernel_regularizer, "for_factor"):
            config["kernel_regularizer"] = None
        plain = self.PLAIN.from_config(config)
        plain.build((None, self._kernel.factor().shape[0]))
        take_over(plain.kernel, self.kernel)
        if self.bias is not None:
            take_over(plain.bias, self.bias)
        return plain

    def assign_kernel(self, kernel: np.ndarray) -> None:
        """Take over a whole kernel as its best approximation of the layer's rank."""
        self._kernel.assign(kernel)

    @classmethod
    def from_keras(cls, layer: keras.layers.Dense, **options: Any) -> FactoredDense:
        """Return the factored layer that computes what a `keras.layers.Dense` computes.

        Built when `layer` is. Everything carries over but the kernel's regularizer, because what
        holds for a matrix does not for its factors.

        Args:
            layer: Keras layer.
            options: arguments of this class that shall differ, such as `rank` or
                `kernel_regularizer`.
        """
        config = factored_config(cls, cls.PLAIN, layer)
        for own in ("quantization_config", "lora_rank", "lora_alpha"):
            config.pop(own, None)
        factored = cls.from_config({**config, **options})
        if layer.built:
            factored.build((None, int(layer.kernel.shape[0])))
            factored.assign_kernel(keras.ops.convert_to_numpy(layer.kernel))
            if layer.bias is not None:
                take_over(factored.bias, layer.bias)
        return factored

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank, "joint": self.joint}
