"""Normalizations by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfpipeline.keras_objects import config_of, object_of
from tfpipeline.normalizations.batch_separate import BatchSeparate
from tfpipeline.normalizations.batch_shared import BatchShared
from tfpipeline.normalizations.layer import Layer
from tfpipeline.normalizations.normalization import Normalization
from tfpipeline.normalizations.weight import Weight

#: All normalizations by name.
NORMALIZATIONS: Mapping[str, type[Normalization]] = {
    "weight": Weight,
    "layer": Layer,
    "batch_shared": BatchShared,
    "batch_separate": BatchSeparate,
}


def get(identifier: Any) -> Normalization | None:
    """Return a normalization by its name, by its configuration or as it is; see `object_of`."""
    return object_of(identifier, NORMALIZATIONS, Normalization, "normalization")


def serialize(normalization: Normalization | None) -> Any:
    """Return the configuration of a normalization, for `get`."""
    return config_of(normalization)
