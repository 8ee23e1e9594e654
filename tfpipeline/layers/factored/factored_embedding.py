"""An embedding whose table is a product of low-rank factors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.copying import take_over, with_own_objects
from tfpipeline.layers.factored.factored_kernel import (
    check_built,
    factor_regularizer,
    factored_config,
)
from tfpipeline.layers.factored.ranks import Rank, check_joint, check_rank, resolve_rank
from tfpipeline.metrics.table_spectrum import TableSpectrum
from tfpipeline.protocol import Factor

_SERIALIZED = {
    "embeddings_initializer": keras.initializers,
    "embeddings_regularizer": keras.regularizers,
    "embeddings_constraint": keras.constraints,
}


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredEmbedding(keras.layers.Layer):
    """Rows of `embeddings_left embeddings_right`: `keras.layers.Embedding`, factored.

    Acharya et al. (2019), "Online Embedding Compression for Text Classification using Low Rank
    Matrix Factorization", section 3: a table of `input_dim` rows as narrow as the rank, and a
    product of each row with a matrix. `compress.factorize_embedding` makes it of a trained table.

    The left factor starts from the initializer's numbers and the right one from orthogonal rows, so
    that the product is spread as the table of Keras' layer is.

    Args:
        input_dim, output_dim: rows and width of the table.
        embeddings_initializer: of the table.
        embeddings_regularizer, embeddings_constraint: act on each of the two factors.
        mask_zero: whether id 0 is padding, which is masked.
        rank: `"full"`, an int, or a float in (0, 1] as a fraction of `min(input_dim, output_dim)`,
            rounded up.
        joint: `"partial"`, the only form for a single matrix.

    Call arguments:
        inputs: integers `(batch, ...)`, from 0 to `input_dim - 1`; the result is
            `(batch, ..., output_dim)`.

    Raises:
        ValueError: for sizes or a rank that does not exist or does not fit the table.

    Example:

    >>> FactoredEmbedding(1000, 64, rank=8)(np.zeros((2, 5), "int32")).shape
    (2, 5, 64)
    """

    PLAIN = keras.layers.Embedding

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        rank: Rank = "full",
        joint: str = "partial",
        **options: Any,
    ) -> None:
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
                raise ValueError(f"`{name}` must be a positive int; received {value!r}.")
        super().__init__(**options)
        self.input_dim, self.output_dim = int(input_dim), int(output_dim)
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)
        self.embeddings_regularizer = keras.regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = keras.constraints.get(embeddings_constraint)
        self.mask_zero = bool(mask_zero)
        self.supports_masking = self.mask_zero
        # Ids are not numbers to be cast.
        self.autocast = False
        self.rank = check_rank(rank, "rank")
        self.joint = check_joint(joint, ("partial",))

    def build(self, input_shape: Any = None) -> None:
        rank = resolve_rank(self.rank, self.input_dim, self.output_dim, "rank")
        options = {
            "regularizer": factor_regularizer(self.embeddings_regularizer),
            "constraint": self.embeddings_constraint,
        }
        self.left = self.add_weight(
            name="embeddings_left",
            shape=(self.input_dim, rank),
            initializer=self.embeddings_initializer,
            **options,
        )
        # Of orthogonal rows a product is as wide as before, spread over output_dim numbers.
        spread = keras.initializers.Orthogonal(gain=(self.output_dim / rank) ** 0.5)
        self.right = self.add_weight(
            name="embeddings_right", shape=(rank, self.output_dim), initializer=spread, **options
        )
        self.built = True

    @property
    def embeddings(self) -> Any:
        """The table `(input_dim, output_dim)`, multiplied out."""
        return ops.matmul(ops.convert_to_tensor(self.left), ops.convert_to_tensor(self.right))

    def call(self, inputs: Any) -> Any:
        return self.call_gathered(inputs, lambda table, ids: ops.take(table, ids, axis=0))

    def call_gathered(self, inputs: Any, gather: Callable[[Any, Any], Any]) -> Any:
        """Return what `call` does, by a `gather(table, ids)` of its own, as export has one."""
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        rows = gather(self.left, inputs)
        return ops.matmul(
            ops.cast(rows, self.compute_dtype), ops.cast(self.right, self.compute_dtype)
        )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (*input_shape, self.output_dim)

    def factors(self) -> tuple[Factor, ...]:
        """Return the factored table; see `tfpipeline.protocol`."""
        check_built(self, "factors()")
        return (Factor("embeddings", "rank", self.left, self.right),)

    def with_ranks(self, **ranks: int) -> FactoredEmbedding:
        """Return a new, unbuilt layer of the same configuration with another rank."""
        return type(self).from_config({**with_own_objects(self.get_config(), self), **ranks})

    def collapse(self) -> keras.layers.Embedding:
        """Return the built `keras.layers.Embedding` that computes the same function."""
        check_built(self, "collapse()")
        config = with_own_objects(self.get_config(), self)
        del config["rank"], config["joint"]
        if hasattr(self.embeddings_regularizer, "for_factor"):
            config["embeddings_regularizer"] = None
        plain = self.PLAIN.from_config(config)
        plain.build((None,))
        take_over(plain.embeddings, self.embeddings)
        return plain

    def assign_kernel(self, table: np.ndarray) -> None:
        """Take over a whole table as its best approximation of the layer's rank."""
        left, right = TableSpectrum(table).split(int(self.left.shape[1]))
        self.left.assign(left)
        self.right.assign(right)

    @classmethod
    def from_keras(cls, layer: keras.layers.Embedding, **options: Any) -> FactoredEmbedding:
        """Return the factored layer that computes what a `keras.layers.Embedding` computes.

        Built when `layer` is. Everything carries over but the table's regularizer, because what
        holds for a matrix does not for its factors.

        Args:
            layer: Keras layer.
            options: arguments of this class that shall differ, such as `rank`.
        """
        config = factored_config(cls, cls.PLAIN, layer)
        for own in ("quantization_config", "lora_rank", "lora_alpha", "embeddings_regularizer"):
            config.pop(own, None)
        factored = cls.from_config({**config, **options})
        if layer.built:
            factored.build((None,))
            factored.assign_kernel(ops.convert_to_numpy(layer.embeddings))
        return factored

    def get_config(self) -> dict[str, Any]:
        own = {name: module.serialize(getattr(self, name)) for name, module in _SERIALIZED.items()}
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            **own,
            "mask_zero": self.mask_zero,
            "rank": self.rank,
            "joint": self.joint,
        }
