"""Normalizations by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tfpipeline.normalizations.batch_separate import BatchSeparate
from tfpipeline.normalizations.batch_shared import BatchShared
from tfpipeline.normalizations.layer import Layer
from tfpipeline.normalizations.normalization import Normalization
from tfpipeline.normalizations.weight import Weight

#: All normalizations by name.
NORMALIZATIONS: Mapping[str, Any] = {
    "weight": Weight,
    "layer": Layer,
    "batch_shared": BatchShared,
    "batch_separate": BatchSeparate,
}


def get(identifier: Any) -> Normalization | None:
    """Return a normalization.

    Args:
        identifier: a name of `NORMALIZATIONS`, a configuration as `serialize` gives it, a
            normalization, or None, which is returned as it is.

    Raises:
        ValueError: it is none of these.
    """
    found = identifier
    if isinstance(identifier, str) and identifier in NORMALIZATIONS:
        found = NORMALIZATIONS[identifier]()
    elif isinstance(identifier, dict):
        found = keras.saving.deserialize_keras_object(identifier)
    if found is None or isinstance(found, Normalization):
        return found
    raise ValueError(
        f"`normalization` must be one of {list(NORMALIZATIONS)}, a "
        f"tfpipeline.normalizations.Normalization or None; received {identifier!r}."
    )


def serialize(normalization: Normalization | None) -> Any:
    """Return the configuration of a normalization, for `get`."""
    return None if normalization is None else keras.saving.serialize_keras_object(normalization)
