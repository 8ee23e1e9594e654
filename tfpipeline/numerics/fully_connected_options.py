"""The `custom_options` of `tfpipeline.fully_connected`, version 1: a fixed little-endian struct."""

from __future__ import annotations

import struct
from dataclasses import dataclass

OP_NAME = "tfpipeline.fully_connected"
MAGIC = b"TFPF"
VERSION = 1
SIZE = 32

#: Limits that `prepare` enforces too; they keep every sum inside int32.
MAX_ROWS = 1 << 20
MAX_DEPTH = 65536
WEIGHT_BITS = (8, 4, 2)
#: Activations by name, with the numbers of TensorFlow Lite.
ACTIVATIONS = {"none": 0, "relu": 1, "relu6": 3}

_LAYOUT = struct.Struct("<4sHHIIIBB10x")
_NAMES = {number: name for name, number in ACTIVATIONS.items()}


@dataclass(frozen=True)
class FullyConnectedOptions:
    """Attributes of one `tfpipeline.fully_connected` node.

    Args:
        rows: outputs, the rows of the weights.
        depth: inputs, the columns of the weights.
        weight_bits: width of a weight: 8, 4 or 2.
        activation: "none", "relu" or "relu6".

    Raises:
        ValueError: a size, the width or the activation is none of these.

    Example:
        >>> options = FullyConnectedOptions(rows=8, depth=4, weight_bits=4)
        >>> FullyConnectedOptions.unpack(options.pack()) == options
        True
    """

    rows: int
    depth: int
    weight_bits: int = 8
    activation: str = "none"

    def __post_init__(self) -> None:
        for name, high in (("rows", MAX_ROWS), ("depth", MAX_DEPTH)):
            if not 1 <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie in [1, {high}]; got {getattr(self, name)!r}.")
        if self.weight_bits not in WEIGHT_BITS:
            raise ValueError(f"weight_bits must be 8, 4 or 2; got {self.weight_bits!r}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {', '.join(ACTIVATIONS)}; got {self.activation!r}."
            )

    def pack(self) -> bytes:
        """Return the bytes that stand in the model."""
        number = ACTIVATIONS[self.activation]
        return _LAYOUT.pack(
            MAGIC, VERSION, SIZE, 0, self.rows, self.depth, self.weight_bits, number
        )

    @classmethod
    def unpack(cls, data: bytes) -> FullyConnectedOptions:
        """Return the options in `data`.

        Raises:
            ValueError: the bytes are not those of this version, with the reason.
        """
        if data[:4] != MAGIC:
            raise ValueError(f"options of {OP_NAME} must begin with {MAGIC!r}; got {data[:4]!r}.")
        if len(data) != SIZE:
            raise ValueError(f"options of {OP_NAME} must have {SIZE} bytes; got {len(data)}.")
        _, version, size, flags, rows, depth, bits, number = _LAYOUT.unpack(data)
        if version != VERSION:
            raise ValueError(
                f"options of {OP_NAME} have version {version}, this tfpipeline reads {VERSION}: "
                "upgrade tfpipeline or export the model again."
            )
        options = cls(rows, depth, bits, _NAMES.get(number, f"activation {number}"))
        if size != SIZE or flags != 0 or data != options.pack():
            raise ValueError(f"options of {OP_NAME} hold bytes that are not in its spec.")
        return options
