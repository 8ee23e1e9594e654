"""A weight matrix stored as a product of two: what every factored layer shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.copying import with_own_objects
from tfpipeline.layers.factored.ranks import Rank, resolve_rank
from tfpipeline.metrics.spectrum import balanced_split
from tfpipeline.protocol import Factor

# Inside a loop over time a second matrix product costs a fixed overhead per step besides its
# multiplications; below this saving it is not worth it.
_STEP_GAIN = 0.5


#: Of a variable, and of how many gates lie side by side in it, to what is multiplied with.
Read = Callable[[Any, int], Any]


def as_it_is(variable: Any, gates: int) -> Any:
    """Return the value of a variable."""
    return ops.convert_to_tensor(variable)


class BalancedInitializer:
    """Splits a kernel initializer's matrix into two balanced factors.

    Lazy, because Keras may build a layer where no values exist yet and ask for them later. Where it
    asks inside a graph that is being traced (a model first built by `fit`), each factor gets its
    own decomposition of the same matrix: Keras' initializers return the same values at every call.
    """

    def __init__(self, initializer: Callable[..., Any], shape: tuple[int, int], rank: int) -> None:
        self._initializer = initializer
        self._shape = shape
        self._rank = rank
        self._factors: tuple[np.ndarray, np.ndarray] | None = None

    def _factor(self, index: int, dtype: Any) -> Any:
        if self._factors is None:
            full = self._initializer(self._shape, dtype="float32")
            try:
                self._factors = balanced_split(ops.convert_to_numpy(full), self._rank)
            except (NotImplementedError, TypeError):  # how TensorFlow and JAX say "symbolic"
                return ops.cast(self._traced(full)[index], dtype)
        return ops.convert_to_tensor(self._factors[index], dtype=dtype)

    def _traced(self, full: Any) -> tuple[Any, Any]:
        # The singular values of an orthogonal start are all alike, which costs float32 two digits.
        # JAX has no float64 unless it is switched on.
        wide = "float64" if keras.backend.backend() == "tensorflow" else "float32"
        u, s, vt = ops.svd(ops.cast(full, wide), full_matrices=False)
        root = ops.sqrt(s[: self._rank])
        return u[:, : self._rank] * root, root[:, None] * vt[: self._rank]

    def left(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        return self._factor(0, dtype)

    def right(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        return self._factor(1, dtype)


def factor_regularizer(regularizer: Any) -> Any:
    """Return what acts on each factor: its own `for_factor()`, else the regularizer."""
    for_factor = getattr(regularizer, "for_factor", None)
    return regularizer if for_factor is None else for_factor()


class FactoredKernel:
    """Adds `name_left` and `name_right` to a layer and multiplies by their product.

    Args:
        layer: the layer that owns the two variables.
        name: name of the matrix.
        argument: the layer's argument that set the rank.
        shape: `(rows, columns)` of the product.
        rank: as given by the user.
        initializer: of the unfactored matrix; its balanced SVD split starts the factors.
        regularizer: acts on each factor.
        constraint: acts on each factor.
        read: returns a factor as it is multiplied with, of the variable and the number of gates
            that lie side by side in it; None for the variable itself.
        gates: of the matrix.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        name: str,
        argument: str,
        shape: tuple[int, int],
        rank: Rank,
        initializer: Any = None,
        regularizer: Any = None,
        constraint: Any = None,
        read: Read | None = None,
        gates: int = 1,
    ) -> None:
        rows, columns = shape
        inner = resolve_rank(rank, rows, columns, argument)
        start = BalancedInitializer(initializer, shape, inner)
        options = {
            "regularizer": factor_regularizer(regularizer),
            "constraint": constraint,
            "autocast": read is None,
        }
        self._read = read or as_it_is
        self._gates = gates
        self._start = start
        self.name = name
        self.argument = argument
        self.left = layer.add_weight(
            name=f"{name}_left", shape=(rows, inner), initializer=start.left, **options
        )
        self.right = layer.add_weight(
            name=f"{name}_right", shape=(inner, columns), initializer=start.right, **options
        )

    def factor(self) -> Factor:
        return Factor(self.name, self.argument, self.left, self.right)

    def values(self) -> tuple[Any, Any]:
        """Return both factors as they are multiplied with."""
        return self._read(self.left, 1), self._read(self.right, self._gates)

    def product(self) -> Any:
        """Return the matrix itself, in the layer's compute dtype."""
        return ops.matmul(*self.values())

    def start(self) -> Any:
        """Return the matrix as the variables start."""
        factors = (getattr(self, side) for side in ("left", "right"))
        left, right = (tuple(factor.shape) for factor in factors)
        return ops.matmul(
            self._start.left(left, dtype="float32"), self._start.right(right, dtype="float32")
        )

    def matrices(self, steps: int | None = 1, in_loop: bool = False) -> tuple[Any, ...]:
        """Return the cheaper of `(product,)` and `(left, right)`; see `product_pays`."""
        if product_pays((self.factor(),), steps, in_loop):
            return (self.product(),)
        return self.values()

    def assign(self, matrix: np.ndarray) -> None:
        """Take over the best approximation of `matrix`, balanced."""
        left, right = balanced_split(matrix, self.factor().rank)
        self.left.assign(left)
        self.right.assign(right)


def check_built(layer: Any, call: str) -> None:
    """Raise where a layer has no weights yet."""
    if not layer.built:
        raise ValueError(
            f"Layer {layer.name!r} must be built before {call}; call it on data first."
        )


def factored_config(factored: type, expected: Any, plain: Any) -> dict[str, Any]:
    """Return the configuration of the Keras layer `plain` for a factored class.

    Without the kernels' regularizers: what is meant for a matrix does not hold for its factors.
    """
    if type(plain) is not expected:
        raise ValueError(
            f"{factored.__name__}.from_keras expects a keras.layers.{expected.__name__}; received "
            f"a {type(plain).__name__}."
        )
    config = with_own_objects(plain.get_config(), plain)
    for argument in ("kernel_regularizer", "recurrent_regularizer"):
        config.pop(argument, None)
    return config


def product_pays(factors: Sequence[Factor], steps: int | None, in_loop: bool) -> bool:
    """Return whether multiplying the factors out costs less than applying each of them.

    Args:
        factors: of one matrix.
        steps: rows that share one product; None when unknown, taken as many.
        in_loop: whether each row is a step of a loop, which pays for every operation.
    """
    dense = sum(factor.dense_parameters for factor in factors)
    direct = sum(factor.parameters for factor in factors) / (_STEP_GAIN if in_loop else 1.0)
    building = 0.0
    if steps is not None:
        building = sum(f.dense_parameters * f.rank for f in factors) / max(1, steps)
    return dense + building <= direct


def apply_matrices(x: Any, matrices: tuple[Any, ...]) -> Any:
    """Multiplies `x` `(..., rows)` by each matrix in turn."""
    for matrix in matrices:
        x = ops.matmul(x, matrix)
    return x
