"""From the logits of a CTC model to text, and how wrong that text is; needs NumPy only."""

from __future__ import annotations

from tfpipeline.decoding.alphabet import Alphabet
from tfpipeline.decoding.beam_search import Hypothesis, beam_search
from tfpipeline.decoding.edit_distance import (
    character_error_rate,
    edit_distance,
    word_error_rate,
)
from tfpipeline.decoding.greedy import greedy_decode

__all__ = [
    "Alphabet",
    "Hypothesis",
    "beam_search",
    "character_error_rate",
    "edit_distance",
    "greedy_decode",
    "word_error_rate",
]
