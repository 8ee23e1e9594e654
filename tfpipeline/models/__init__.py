"""Ready-made models."""

from __future__ import annotations

from tfpipeline.models.keyword_gru import keyword_gru

__all__ = ["keyword_gru"]
