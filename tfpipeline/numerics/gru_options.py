"""The `custom_options` of the op `tfpipeline.gru`, version 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfpipeline.numerics.recurrent_options import RecurrentOptions


@dataclass(frozen=True)
class GruOptions(RecurrentOptions):
    """Attributes of one `tfpipeline.gru` node.

    Example:
        >>> GruOptions.unpack(GruOptions(units=8, input_dim=4, scale_h=1 / 127).pack()).units
        8
    """

    OP_NAME: ClassVar[str] = "tfpipeline.gru"
    MAGIC: ClassVar[bytes] = b"TFPG"
