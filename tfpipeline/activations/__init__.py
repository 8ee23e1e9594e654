"""Activations that integers compute exactly; importing this package registers them with Keras."""

from __future__ import annotations

from tfpipeline.activations.lookup import get, named
from tfpipeline.activations.piecewise_linear import quant_sigmoid, quant_sigmoid4, quant_tanh

__all__ = ["get", "named", "quant_sigmoid", "quant_sigmoid4", "quant_tanh"]
