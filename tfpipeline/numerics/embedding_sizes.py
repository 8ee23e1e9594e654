"""What low rank, few bits, and both make of a table of embeddings: numbers, bytes, products."""

from __future__ import annotations

import math
from dataclasses import dataclass

_FLOAT_BITS = 32


@dataclass(frozen=True)
class EmbeddingSizes:
    """A table of `vocabulary` rows of `dimension` numbers, and what it may become.

    Acharya et al. (2019), section 4. Products are counted as the paper does, where a row is one-hot
    and multiplied by the whole table, and as runtimes do, which look the row up.

    Args:
        vocabulary: m, rows.
        dimension: n, numbers of a row.
        reduction: R, the share of the numbers that go.
        bits: of a number where it is quantized.

    Raises:
        ValueError: a number is out of range, or rank 1 is too large for the reduction.
    """

    vocabulary: int
    dimension: int
    reduction: float
    bits: int

    def __post_init__(self) -> None:
        for name in ("vocabulary", "dimension"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; received {getattr(self, name)}.")
        if not 1 <= self.bits <= _FLOAT_BITS:
            raise ValueError(f"bits must lie in [1, 32]; received {self.bits}.")
        # Says what does not fit now, and not where a size is read.
        rank_of(self.reduction, self.vocabulary, self.dimension)

    @property
    def kept(self) -> float:
        """The share of the numbers that stays, the paper's p."""
        return 1 - self.reduction

    @property
    def rank(self) -> int:
        """The k of equation (5)."""
        return rank_of(self.reduction, self.vocabulary, self.dimension)

    @property
    def low_rank_numbers(self) -> int:
        return self.rank * (self.vocabulary + self.dimension)

    def bytes_of(self, numbers: int, bits: int) -> int:
        """Return the bytes of so many numbers, without scales."""
        return -(-numbers * bits // 8)

    @property
    def table_bytes(self) -> int:
        """Of the table in float32."""
        return self.bytes_of(self.vocabulary * self.dimension, _FLOAT_BITS)

    @property
    def quantized_bytes(self) -> int:
        return self.bytes_of(self.vocabulary * self.dimension, self.bits)

    @property
    def low_rank_bytes(self) -> int:
        """Of both factors in float32."""
        return self.bytes_of(self.low_rank_numbers, _FLOAT_BITS)

    @property
    def both_bytes(self) -> int:
        """Of both factors in `bits` bits."""
        return self.bytes_of(self.low_rank_numbers, self.bits)

    @property
    def one_hot_operations(self) -> tuple[int, int]:
        """Operations of a word by equation (10): with the table, and with its factors."""
        m, n, k = self.vocabulary, self.dimension, self.rank
        return (2 * m - 1) * n, (2 * m - 1) * k + (2 * k - 1) * n

    @property
    def looked_up_operations(self) -> tuple[int, int]:
        """The same where the row is looked up: none, and the product with the second factor."""
        return 0, (2 * self.rank - 1) * self.dimension

    @property
    def smaller_than_quantized(self) -> bool:
        """Condition (8): whether the factors in float32 are smaller than the table in few bits."""
        return self.kept < self.bits / _FLOAT_BITS

    def faster_than_quantized(self, time_ratio: float) -> bool:
        """Condition (15).

        Args:
            time_ratio: of a product with numbers of few bits to one in float32, measured.
        """
        return self.kept < time_ratio


def rank_of(reduction: float, rows: int, columns: int) -> int:
    """Return `floor((1 - R) m n / (m + n))`, equation (5).

    Raises:
        ValueError: the reduction is not in [0, 1), or does not leave rank 1.
    """
    if not 0 <= reduction < 1:
        raise ValueError(f"reduction must lie in [0, 1); received {reduction:g}.")
    # The tolerance keeps 0.9 of a tenth: 1 - 0.9 is less than 0.1 in floating point.
    rank = math.floor((1 - reduction) * rows * columns / (rows + columns) + 1e-9)
    if rank < 1:
        largest = 1 - (rows + columns) / (rows * columns)
        if largest < 0:
            raise ValueError(f"a table of {rows} x {columns} has no factors that are smaller.")
        raise ValueError(
            f"reduction must be at most {largest:.4g} for a table of {rows} x {columns}, which "
            f"leaves rank 1; received {reduction:g}."
        )
    return rank
