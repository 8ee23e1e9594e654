"""A cell that has ternary weights and normalized products where nothing else is said."""

from __future__ import annotations

from typing import Any

from tfpipeline.layers.recurrent.low_bit.normalized_cell import NormalizedCell


class TernaryCell(NormalizedCell):
    """A `NormalizedCell` with `TerConnect` and weight normalization as defaults."""

    def __init__(
        self,
        *args: Any,
        weight_quantizer: Any = "TerConnect",
        normalization: Any = "weight",
        **options: Any,
    ) -> None:
        super().__init__(
            *args, weight_quantizer=weight_quantizer, normalization=normalization, **options
        )
