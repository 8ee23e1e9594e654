"""Normalizations of the products in recurrent cells; importing this registers them with Keras."""

from __future__ import annotations

from tfpipeline.normalizations.batch_separate import BatchSeparate
from tfpipeline.normalizations.batch_shared import BatchShared
from tfpipeline.normalizations.layer import Layer
from tfpipeline.normalizations.lookup import NORMALIZATIONS, get, serialize
from tfpipeline.normalizations.normalization import Normalization, Steps
from tfpipeline.normalizations.weight import Weight

__all__ = [
    "NORMALIZATIONS",
    "BatchSeparate",
    "BatchShared",
    "Layer",
    "Normalization",
    "Steps",
    "Weight",
    "get",
    "serialize",
]
