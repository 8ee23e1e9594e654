"""Does a run of the studies of few bits on pixels."""

from __future__ import annotations

from typing import Any

from tfpipeline.studies.low_bit.runs import RunFiles, Training


def do_run(run: Training, files: RunFiles) -> dict[str, Any]:
    """Train and test; Keras is imported in the process that does it."""
    from tfpipeline.studies.low_bit.training import train_run

    return train_run(run, files)
