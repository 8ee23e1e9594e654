"""The `custom_options` of the op `tfpipeline.lstm`, version 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfpipeline.numerics.recurrent_options import RecurrentOptions


@dataclass(frozen=True)
class LstmOptions(RecurrentOptions):
    """Attributes of one `tfpipeline.lstm` node.

    Example:
        >>> LstmOptions.unpack(LstmOptions(units=8, input_dim=4, scale_h=1 / 127).pack()).units
        8
    """

    OP_NAME: ClassVar[str] = "tfpipeline.lstm"
    MAGIC: ClassVar[bytes] = b"TFPL"
