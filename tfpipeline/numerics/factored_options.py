"""The `custom_options` of `tfpipeline.factored_fully_connected`, version 1: a fixed struct."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from tfpipeline.numerics.fully_connected_options import (
    ACTIVATIONS,
    MAX_DEPTH,
    MAX_ROWS,
    WEIGHT_BITS,
)

OP_NAME = "tfpipeline.factored_fully_connected"
MAGIC = b"TFPP"
VERSION = 1
SIZE = 40

_LAYOUT = struct.Struct("<4sHHIIIIBBBbf8x")
_NAMES = {number: name for name, number in ACTIVATIONS.items()}


@dataclass(frozen=True)
class FactoredOptions:
    """Attributes of one `tfpipeline.factored_fully_connected` node.

    Args:
        rows: outputs, the rows of the last factor.
        depth: inputs, the columns of the first factor.
        rank: rows of the first factor and columns of the last one.
        first_bits, last_bits: width of a weight: 8, 4 or 2.
        activation: "none", "relu" or "relu6".
        inner_scale: of the int8 vector between the factors, rounded to float32; 0 where vectors
            are float32.
        inner_zero_point: likewise.

    Raises:
        ValueError: a size, a width, the activation or the scale is none of these.

    Example:
        >>> options = FactoredOptions(rows=8, depth=4, rank=2, inner_scale=0.5)
        >>> FactoredOptions.unpack(options.pack()) == options
        True
    """

    rows: int
    depth: int
    rank: int
    first_bits: int = 8
    last_bits: int = 8
    activation: str = "none"
    inner_scale: float = 0.0
    inner_zero_point: int = 0

    def __post_init__(self) -> None:
        for name, high in (("rows", MAX_ROWS), ("depth", MAX_DEPTH), ("rank", MAX_DEPTH)):
            if not 1 <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie in [1, {high}]; got {getattr(self, name)!r}.")
        for name in ("first_bits", "last_bits"):
            if getattr(self, name) not in WEIGHT_BITS:
                raise ValueError(f"{name} must be 8, 4 or 2; got {getattr(self, name)!r}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {', '.join(ACTIVATIONS)}; got {self.activation!r}."
            )
        object.__setattr__(self, "inner_scale", float(np.float32(self.inner_scale)))
        inner = (self.inner_scale, self.inner_zero_point)
        if inner != (0.0, 0) and not (
            2.0**-40 <= self.inner_scale <= 2.0**40 and -128 <= self.inner_zero_point <= 127
        ):
            raise ValueError(
                "inner_scale must lie in [2^-40, 2^40] and inner_zero_point in [-128, 127], or "
                f"both be 0; got {inner}."
            )

    def pack(self) -> bytes:
        """Return the bytes that stand in the model."""
        return _LAYOUT.pack(
            MAGIC,
            VERSION,
            SIZE,
            0,
            self.rows,
            self.depth,
            self.rank,
            self.first_bits,
            self.last_bits,
            ACTIVATIONS[self.activation],
            self.inner_zero_point,
            self.inner_scale,
        )

    @classmethod
    def unpack(cls, data: bytes) -> FactoredOptions:
        """Return the options in `data`.

        Raises:
            ValueError: the bytes are not those of this version, with the reason.
        """
        if data[:4] != MAGIC:
            raise ValueError(f"options of {OP_NAME} must begin with {MAGIC!r}; got {data[:4]!r}.")
        if len(data) != SIZE:
            raise ValueError(f"options of {OP_NAME} must have {SIZE} bytes; got {len(data)}.")
        _, version, size, flags, rows, depth, rank, *rest = _LAYOUT.unpack(data)
        if version != VERSION:
            raise ValueError(
                f"options of {OP_NAME} have version {version}, this tfpipeline reads {VERSION}: "
                "upgrade tfpipeline or export the model again."
            )
        first_bits, last_bits, number, zero_point, scale = rest
        name = _NAMES.get(number, f"activation {number}")
        options = cls(rows, depth, rank, first_bits, last_bits, name, scale, zero_point)
        if size != SIZE or flags != 0 or data != options.pack():
            raise ValueError(f"options of {OP_NAME} hold bytes that are not in its spec.")
        return options
