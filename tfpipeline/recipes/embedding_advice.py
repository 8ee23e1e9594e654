"""Which of low rank and few bits makes a table of embeddings smaller and faster on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.bench.timing import time_interleaved
from tfpipeline.errors import TfpipelineError
from tfpipeline.numerics.embedding_sizes import EmbeddingSizes
from tfpipeline.recipes.baseline import StockRunner

# A product of the whole table would be what nobody computes; of this many rows it is in a cache.
_ROWS = 2048
TIMED_BITS = (8, 4, 2)


@dataclass(frozen=True)
class EmbeddingAdvice:
    """Sizes of a table, and the measured times of a product.

    Args:
        sizes: of the table and what it may become.
        microseconds: of one product of a vector with a matrix of the same width, by `"float32"` and
            by the bits that were asked for; empty where nothing was measured.
    """

    sizes: EmbeddingSizes
    microseconds: dict[str, float]

    @property
    def time_ratio(self) -> float | None:
        """t_L / t_F of condition (15)."""
        if len(self.microseconds) != 2:
            return None
        whole, few = self.microseconds.values()
        return few / whole

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and strings, for JSON."""
        s, ratio = self.sizes, self.time_ratio
        return {
            "vocabulary": s.vocabulary,
            "dimension": s.dimension,
            "reduction": s.reduction,
            "bits": s.bits,
            "rank": s.rank,
            "bytes": {
                "float32": s.table_bytes,
                f"{s.bits} bits": s.quantized_bytes,
                "low rank": s.low_rank_bytes,
                f"low rank, {s.bits} bits": s.both_bytes,
            },
            "operations_one_hot": list(s.one_hot_operations),
            "operations_looked_up": list(s.looked_up_operations),
            "smaller_than_quantized": s.smaller_than_quantized,
            "microseconds": self.microseconds,
            "time_ratio": ratio,
            "faster_than_quantized": None if ratio is None else s.faster_than_quantized(ratio),
        }

    def __str__(self) -> str:
        s, ratio = self.sizes, self.time_ratio
        less = "smaller" if s.smaller_than_quantized else "not smaller"
        lines = [
            f"rank {s.rank} of {min(s.vocabulary, s.dimension)}",
            f"{s.table_bytes:,} bytes in float32, {s.quantized_bytes:,} in {s.bits} bits, "
            f"{s.low_rank_bytes:,} of low rank, {s.both_bytes:,} of low rank in {s.bits} bits",
            f"condition (8): low rank in float32 is {less} than {s.bits} bits, because {s.kept:g} "
            f"of the numbers are kept and {s.bits} of 32 bits are {s.bits / 32:g}",
        ]
        table, factors = s.one_hot_operations
        lines.append(
            f"operations of a word: {factors:,} instead of {table:,} with a one-hot vector (the "
            f"paper's count); looked up, {s.looked_up_operations[1]:,} instead of none"
        )
        if s.bits not in TIMED_BITS:
            lines.append(f"condition (15): products in {s.bits} bits cannot be timed, 8, 4, 2 can")
        if ratio is not None:
            whole, few = self.microseconds.values()
            quick = "faster" if s.faster_than_quantized(ratio) else "not faster"
            lines.append(
                f"condition (15): low rank is {quick} than {s.bits} bits with one-hot vectors "
                f"here, because a product takes {few:.1f} µs in {s.bits} bits and {whole:.1f} in "
                f"float32, {ratio:.2f} of it"
            )
        lines.append(
            "Both together are the smallest; train after the cut, and fold the second factor into "
            "the next layer (tfpipeline.compress.fold_embedding), which then reads narrower rows."
        )
        return "\n".join(lines)


def advise_embedding(
    vocabulary: int, dimension: int, reduction: float, bits: int, measure: bool = True
) -> EmbeddingAdvice:
    """Return what a table becomes, with the times of products on this machine.

    Args:
        vocabulary, dimension, reduction, bits: see `EmbeddingSizes`.
        measure: whether to time products; only 8, 4 and 2 bits are.

    Raises:
        ValueError: as `EmbeddingSizes`.
        TfpipelineError: a package is missing that products are timed with.
    """
    sizes = EmbeddingSizes(vocabulary, dimension, reduction, bits)
    times: dict[str, float] = {}
    if measure and bits in TIMED_BITS:
        depth = min(vocabulary, _ROWS)
        with tempfile.TemporaryDirectory(prefix="tfpipeline-advise-") as folder:
            calls = {
                name: _product(Path(folder), dimension, depth, width)
                for name, width in (("float32", 32), (f"{bits} bits", bits))
            }
            found = time_interleaved(calls, label="Timing products")
        times = {name: found[name].median for name in calls}
    return EmbeddingAdvice(sizes, times)


def _product(folder: Path, rows: int, depth: int, bits: int) -> Callable[[], object]:
    """Return the call of a product with weights of so many bits in the runtime."""
    try:
        from tfpipeline.export.flatbuffer.one_product import one_product
    except ImportError as error:
        raise TfpipelineError(
            f"products cannot be timed without {error.name}: count only, with --no-timing "
            "(measure=False), or run pip install 'tfpipeline[train]'"
        ) from error
    path = folder / f"{bits}.tflite"
    path.write_bytes(one_product(rows, depth, bits))
    return StockRunner(path, np.zeros((1, depth), np.float32)).invoke
