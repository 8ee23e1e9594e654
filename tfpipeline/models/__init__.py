"""Models that are ready to train: spoken commands, sentences, text."""

from __future__ import annotations

from tfpipeline.models import text
from tfpipeline.models.deep_speech import ds2
from tfpipeline.models.keyword_gru import keyword_gru

__all__ = ["ds2", "keyword_gru", "text"]
