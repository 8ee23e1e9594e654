"""Does the runs that the study of words lacks."""

from __future__ import annotations

from typing import Any

from tfpipeline.studies.low_bit.text import pool
from tfpipeline.studies.low_bit.text.settings import WORDS_FULL, WORDS_QUICK


class Pool(pool.Pool):
    """Trains on the words of a text."""

    STORE = "low_bit_words.rows.jsonl"
    QUICK, FULL = WORDS_QUICK, WORDS_FULL

    def basis_of_settings(self) -> dict[str, Any]:
        return {**super().basis_of_settings(), "vocabulary": self.settings.vocabulary}
