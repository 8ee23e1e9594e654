"""Quantizers by the names of their papers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

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
    """Return a quantizer.

    Args:
        identifier: a name of `QUANTIZERS`, a configuration as `serialize` gives it, a quantizer,
            or None, which is returned as it is.

    Raises:
        ValueError: it is none of these.
    """
    found = identifier
    if isinstance(identifier, str) and identifier in QUANTIZERS:
        found = QUANTIZERS[identifier]()
    elif isinstance(identifier, dict):
        found = keras.saving.deserialize_keras_object(identifier)
    if found is None or isinstance(found, Quantizer):
        return found
    raise ValueError(
        f"`weight_quantizer` must be one of {list(QUANTIZERS)}, a "
        f"tfpipeline.quantizers.Quantizer or None; received {identifier!r}."
    )


def serialize(quantizer: Quantizer | None) -> Any:
    """Return the configuration of a quantizer, for `get`."""
    return None if quantizer is None else keras.saving.serialize_keras_object(quantizer)
