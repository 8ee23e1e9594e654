"""Regularizers for factored kernels, and their baseline for whole ones."""

from __future__ import annotations

from tfpipeline.regularizers.half_l2 import HalfL2
from tfpipeline.regularizers.kernel_regularizers import kernel_regularizers
from tfpipeline.regularizers.trace_norm import TraceNorm

__all__ = ["HalfL2", "TraceNorm", "kernel_regularizers"]
