"""What fewer rows did to a table of embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfpipeline.compress.compression_error import CompressionError


@dataclass(frozen=True, eq=False)
class RowReport:
    """Outcome of `tfpipeline.compress.prune_rows` and `cluster_rows`.

    Args:
        name: `"<layer>/<variable>"`.
        criterion: what was asked for, such as `"coverage=0.99"`.
        new_ids: int32 `(ids,)`, the row of each id: ids of the smaller table.
        kept_ids: ids that have a row of their own still, by the number of that row; None where rows
            are means of others.
        rows_before, rows_after: of the table.
        width: numbers of a row.
        map_bits: of an id's entry in the map inside of the model; 0 where it has none.
        covered: share of what was counted whose row is its own, padding left out; None where
            nothing was counted.
        relative_error: `|T - T'| / |T|` for the table T and the rows that its ids have now, in
            Frobenius norms; of a factored table that of the product.
        counted_error: the same with each row as often as it was counted; None where nothing was.
        model_parameters_before, model_parameters_after: of the whole model, its map included.
    """

    name: str
    criterion: str
    new_ids: np.ndarray
    kept_ids: np.ndarray | None
    rows_before: int
    rows_after: int
    width: int
    map_bits: int
    covered: float | None
    relative_error: float
    counted_error: float | None
    model_parameters_before: int
    model_parameters_after: int

    @property
    def map_bytes(self) -> int:
        """Of the map inside of the model."""
        return len(self.new_ids) * self.map_bits // 8

    def table_bytes(self, bits: int = 32) -> tuple[int, int]:
        """Return the bytes of the table before and after, at so many bits a number.

        Those after are with the map; scales are not counted.
        """
        before, after = (
            -(-rows * self.width * bits // 8) for rows in (self.rows_before, self.rows_after)
        )
        return before, after + self.map_bytes

    def shrink(self, vocabulary: Sequence[str]) -> list[str]:
        """Return the words that have a row of their own still, in the order of the new ids.

        A tokenizer with these, such as `keras.layers.TextVectorization(vocabulary=...)`, gives the
        new ids; then the model needs no map.

        Args:
            vocabulary: words by id, those for padding and the unknown word included, such as
                `TextVectorization.get_vocabulary()`.

        Raises:
            CompressionError: (a ValueError) for another number of words, or rows that are means.
        """
        if self.kept_ids is None:
            raise CompressionError(
                f"rows of {self.name!r} are means of several words', so no vocabulary has a word "
                "for each: leave the map in the model, or give it new_ids[ids]."
            )
        if len(vocabulary) != len(self.new_ids):
            raise CompressionError(
                f"`vocabulary` must have {len(self.new_ids)} words, one for each id of the model "
                f"as it was; received {len(vocabulary)}."
            )
        return [vocabulary[old] for old in self.kept_ids]

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings, lists and dicts, for JSON."""
        found = {**vars(self), "map_bytes": self.map_bytes}
        for name in ("new_ids", "kept_ids"):
            found[name] = None if found[name] is None else found[name].tolist()
        return found

    def __str__(self) -> str:
        before, after = self.table_bytes()
        parts = [f"error {100 * self.relative_error:.1f} %"]
        if self.covered is not None:
            parts.append(f"{100 * self.covered:.1f} % of what was counted keep their row")
        if self.counted_error is not None:
            parts.append(f"error as counted {100 * self.counted_error:.1f} %")
        own = f", of which {self.map_bytes} are a map" if self.map_bits else ""
        return (
            f"{self.name} ({self.criterion}): {self.rows_before} -> {self.rows_after} rows of "
            f"{self.width}, {before} -> {after} bytes in float32{own}; {', '.join(parts)}; model "
            f"{self.model_parameters_before} -> {self.model_parameters_after}"
        )
