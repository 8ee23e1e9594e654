"""Regularizers for factored kernels."""

from __future__ import annotations

from tfpipeline.regularizers.trace_norm import TraceNorm

__all__ = ["TraceNorm"]
