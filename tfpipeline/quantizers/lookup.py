"""Quantizers by the names of their papers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfpipeline.keras_objects import config_of, object_of
from tfpipeline.quantizers.alternating import Alternating
from tfpipeline.quantizers.binary_connect import BinaryConnect
from tfpipeline.quantizers.bwn import BWN
from tfpipeline.quantizers.lab import LAB
from tfpipeline.quantizers.lat import LAT
from tfpipeline.quantizers.quantizer import Quantizer
from tfpipeline.quantizers.sbn import SBN
from tfpipeline.quantizers.stn import STN
from tfpipeline.quantizers.ter_connect import TerConnect
from tfpipeline.quantizers.twn import TWN

#: All quantizers by name.
QUANTIZERS: Mapping[str, type[Quantizer]] = {
    kind.__name__: kind
    for kind in (BinaryConnect, BWN, LAB, TerConnect, TWN, LAT, Alternating, SBN, STN)
}


def get(identifier: Any) -> Quantizer | None:
    """Return a quantizer by its name, by its configuration or as it is; see `object_of`."""
    return object_of(identifier, QUANTIZERS, Quantizer, "weight_quantizer")


def serialize(quantizer: Quantizer | None) -> Any:
    """Return the configuration of a quantizer, for `get`."""
    return config_of(quantizer)
