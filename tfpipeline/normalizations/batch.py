"""What both batch normalizations share: statistics of a batch, and their moving averages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from tfpipeline.normalizations.normalization import Normalization, Steps, finite


class Batch(Normalization):
    """`g (p - mean) / sqrt(var + epsilon) + b`, mean and variance over the batch at each step.

    In training every time step is normalized with its own statistics, over the sequences that are
    not masked there. Moving averages of them serve at inference; a step where fewer than two
    sequences are left has no part in them. The reference code of SBN evaluates with statistics of
    the test batch instead.

    A batch of one is refused where the graph knows its size, as in `fit(x, y, batch_size=1)`, and
    passes as the rest that is left of the samples after larger batches: it trains the gains and
    moves no average. On TensorFlow the graph does not know the size of a generator's batches or a
    `tf.data.Dataset`'s: the averages then never move, which folding them says.

    Args:
        initial_gain: of every gain.
        epsilon: added to the variance.
        momentum: what a moving average keeps at each batch.
    """

    OF_BATCHES = True

    moving_mean: Any
    moving_variance: Any

    def __init__(
        self, initial_gain: float = 0.1, epsilon: float = 1e-5, momentum: float = 0.9
    ) -> None:
        super().__init__(initial_gain, epsilon)
        self.momentum = finite(momentum, "momentum", 0, 1)

    def check_batch(self, size: int | None, larger_before: bool = False) -> bool:
        """Refuse a batch that is known to be too small to train with.

        Args:
            size: rows of the batch; None where the graph does not know.
            larger_before: what this returned for the batch before.

        Returns:
            Whether a larger batch was seen, so that one row may be the rest of the samples: JAX
            traces that apart, while TensorFlow has one graph for both.

        Raises:
            ValueError: it is one row, whose deviation from the mean is zero.
        """
        if size == 1 and not larger_before:
            raise ValueError(
                "`normalization` takes mean and variance over a batch to train: expected a batch "
                "of two or more, received one; use a larger batch, or 'weight' or 'layer'."
            )
        return larger_before or (size or 0) > 1

    def rows(self) -> tuple[int, ...]:
        """Return the shape of the averages before their last axis."""
        return ()

    def add_weights(self, add: Callable[..., Any], columns: int, start: Callable[[], Any]) -> None:
        super().add_weights(add, columns, start)
        options = {
            "shape": (*self.rows(), columns),
            "trainable": False,
            "aggregation": "mean",
        }
        self.moving_mean = add("moving_mean", "zeros", **options)
        self.moving_variance = add("moving_variance", "ones", **options)

    def constants(self, kernel: Callable[[], Any]) -> tuple[Any, ...]:
        averages = (ops.convert_to_tensor(v) for v in (self.moving_mean, self.moving_variance))
        return (*super().constants(kernel), *averages)

    def apply(self, products: Any, constants: tuple[Any, ...], gates: int, steps: Steps) -> Any:
        gain, offset, *averages = constants
        if steps.training:
            mean, variance = self.statistics(products, steps.weight)
        else:
            mean, variance = (self.at_time(average, steps) for average in averages)
        return (products - mean) * ops.rsqrt(variance + self.epsilon) * gain + offset

    def at_time(self, average: Any, steps: Steps) -> Any:
        """Return the average of each step."""
        return average

    def statistics(self, products: Any, weight: Any = None) -> tuple[Any, Any]:
        """Return mean and variance over the batch, `(1, ..., columns)`.

        Args:
            products: `(batch, ..., columns)`.
            weight: `(batch, ..., 1)` of zeros and ones, or None.
        """
        if weight is None:
            mean = ops.mean(products, axis=0, keepdims=True)
            return mean, ops.mean(ops.square(products - mean), axis=0, keepdims=True)
        total = ops.maximum(ops.sum(weight, axis=0, keepdims=True), 1.0)
        mean = ops.sum(products * weight, axis=0, keepdims=True) / total
        squares = ops.square(products - mean) * weight
        return mean, ops.sum(squares, axis=0, keepdims=True) / total

    def update(self, mean: Any, variance: Any, share: Any, first: Any) -> None:
        """Move the averages.

        Args:
            mean, variance: `(time, columns)` of a batch.
            share: `(time,)`, 1 where a step counts and else 0.
            first: number of the first time step, an int32.
        """
        place = self.places(share, first)
        total = ops.sum(place, axis=0)
        some = ops.cast(total > 0, "float32") * (1 - self.momentum)
        place = place / ops.maximum(total, 1.0)
        for average, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
            new = ops.matmul(ops.transpose(place), ops.stop_gradient(found))
            old = ops.reshape(ops.convert_to_tensor(average), new.shape)
            moved = old + some[:, None] * (new - old)
            average.assign(ops.reshape(moved, average.shape))

    def places(self, share: Any, first: Any) -> Any:
        """Return how much a time step counts in each row of the averages, `(time, rows)`."""
        return share[:, None]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum}
