"""What the low-rank studies call their kinds of training, in pictures and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.studies.common.claims import spread
from tfpipeline.studies.common.rows import Row

COLORS = {"none": "#6a994e", "l2": "#33658a", "trace_norm": "#c8553d", "factors": "#e9a03b"}
LABELS = {
    "none": "unregularized",
    "l2": "ℓ2",
    "trace_norm": "trace norm",
    "factors": "factors, no penalty",
}


def errors_of(rows: Sequence[Row]) -> str:
    """Return the error rates of rows of one setting, on validation and on test speakers."""
    validation, test = ([row[f"cer_{split}"] for row in rows] for split in ("validation", "test"))
    return f"{spread(validation)} %, test {spread(test)} %"
