"""The `custom_options` of `tfpipeline.embedding`, version 1: a fixed little-endian struct."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from tfpipeline.numerics.fully_connected_options import MAX_DEPTH, MAX_ROWS, WEIGHT_BITS

OP_NAME = "tfpipeline.embedding"
MAGIC = b"TFPE"
VERSION = 1
SIZE = 32
MAX_VOCABULARY = 2**31 - 1

_LAYOUT = struct.Struct("<4sHHIIIIBBB5x")


class Mean(IntEnum):
    """What one vector is put out for: each id, or all ids along the last dimension.

    Of `MASKED`, ids of 0 do not count, and the mean of no words is 0; of `MASKED_OR_NAN` it is NaN,
    as that of `keras.layers.GlobalAveragePooling1D` with a mask.
    """

    NONE = 0
    PLAIN = 1
    MASKED = 2
    MASKED_OR_NAN = 3


@dataclass(frozen=True)
class EmbeddingOptions:
    """Attributes of one `tfpipeline.embedding` node.

    Args:
        vocabulary: rows of the table.
        width: numbers of a row.
        units: numbers of a vector that is put out, where rows are multiplied with a matrix
            `(units, width)`; 0 where they are put out themselves.
        table_bits: width of a number of the table: 8, 4 or 2.
        product_bits: the same of the matrix; 0 without one.
        mean: whether means are put out, and of which words.

    Raises:
        ValueError: a size or a width is none of these.

    Example:
        >>> options = EmbeddingOptions(vocabulary=1000, width=29, units=300, table_bits=4)
        >>> EmbeddingOptions.unpack(options.pack()) == options
        True
    """

    vocabulary: int
    width: int
    units: int = 0
    table_bits: int = 8
    product_bits: int = 8
    mean: Mean = Mean.NONE

    def __post_init__(self) -> None:
        limits = (("vocabulary", 1, MAX_VOCABULARY), ("width", 1, MAX_DEPTH))
        for name, low, high in (*limits, ("units", 0, MAX_ROWS)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"{name} must lie in [{low}, {high}]; got {getattr(self, name)!r}."
                )
        if self.table_bits not in WEIGHT_BITS:
            raise ValueError(f"table_bits must be 8, 4 or 2; got {self.table_bits!r}.")
        if self.units == 0:
            object.__setattr__(self, "product_bits", 0)
        elif self.product_bits not in WEIGHT_BITS:
            raise ValueError(f"product_bits must be 8, 4 or 2; got {self.product_bits!r}.")
        if self.mean not in set(Mean):
            raise ValueError(f"mean must be one of {[*map(int, Mean)]}; got {self.mean!r}.")
        object.__setattr__(self, "mean", Mean(self.mean))

    @property
    def output_width(self) -> int:
        """Numbers of a vector that is put out."""
        return self.units or self.width

    def pack(self) -> bytes:
        """Return the bytes that stand in the model."""
        sizes = (self.vocabulary, self.width, self.units)
        small = (self.table_bits, self.product_bits, self.mean)
        return _LAYOUT.pack(MAGIC, VERSION, SIZE, 0, *sizes, *small)

    @classmethod
    def unpack(cls, data: bytes) -> EmbeddingOptions:
        """Return the options in `data`.

        Raises:
            ValueError: the bytes are not those of this version, with the reason.
        """
        if data[:4] != MAGIC:
            raise ValueError(f"options of {OP_NAME} must begin with {MAGIC!r}; got {data[:4]!r}.")
        if len(data) != SIZE:
            raise ValueError(f"options of {OP_NAME} must have {SIZE} bytes; got {len(data)}.")
        _, version, size, flags, *rest = _LAYOUT.unpack(data)
        if version != VERSION:
            raise ValueError(
                f"options of {OP_NAME} have version {version}, this tfpipeline reads {VERSION}: "
                "upgrade tfpipeline or export the model again."
            )
        options = cls(*rest)
        if size != SIZE or flags != 0 or data != options.pack():
            raise ValueError(f"options of {OP_NAME} hold bytes that are not in its spec.")
        return options
