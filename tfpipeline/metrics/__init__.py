"""Measures of a matrix: nu, trace norm, and the rank that explains a share of it."""

from __future__ import annotations

from tfpipeline.metrics.explained_variance_rank import explained_variance, explained_variance_rank
from tfpipeline.metrics.nu import nu
from tfpipeline.metrics.trace_norm import trace_norm

__all__ = ["explained_variance", "explained_variance_rank", "nu", "trace_norm"]
