"""The pool of studies that need digits only: no corpus of commands is made for them."""

from __future__ import annotations

from pathlib import Path

from tfpipeline.studies.fast_grnn import pool


class Pool(pool.Pool):
    """As `pool.Pool`, without the commands."""

    STORE = "digits.rows.jsonl"

    def prepare(self, data: Path | None) -> str:
        return ""
