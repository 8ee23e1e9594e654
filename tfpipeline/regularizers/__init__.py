"""Regularizers for factored kernels, their baseline for whole ones, and for outputs."""

from __future__ import annotations

from tfpipeline.regularizers.activation_regularizer import ActivationRegularizer
from tfpipeline.regularizers.half_l2 import HalfL2
from tfpipeline.regularizers.kernel_regularizers import kernel_regularizers
from tfpipeline.regularizers.trace_norm import TraceNorm

__all__ = ["ActivationRegularizer", "HalfL2", "TraceNorm", "kernel_regularizers"]
