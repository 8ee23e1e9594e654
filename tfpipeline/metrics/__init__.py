"""Measures of a matrix: nu, trace norm, the rank that explains a share; error rates of text."""

from __future__ import annotations

from tfpipeline.decoding import character_error_rate, edit_distance, word_error_rate
from tfpipeline.metrics.character_errors import CharacterErrorRate
from tfpipeline.metrics.explained_variance_rank import explained_variance, explained_variance_rank
from tfpipeline.metrics.nu import nu
from tfpipeline.metrics.trace_norm import trace_norm
from tfpipeline.metrics.word_errors import WordErrorRate

__all__ = [
    "CharacterErrorRate",
    "WordErrorRate",
    "character_error_rate",
    "edit_distance",
    "explained_variance",
    "explained_variance_rank",
    "nu",
    "trace_norm",
    "word_error_rate",
]
