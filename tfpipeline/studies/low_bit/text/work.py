"""Does a run of the study of character models."""

from __future__ import annotations

from typing import Any

from tfpipeline.studies.low_bit.text.runs import RunFiles, TextModel


def do_run(run: TextModel, files: RunFiles) -> dict[str, Any]:
    """Train and test; Keras is imported in the process that does it."""
    from tfpipeline.studies.low_bit.text.training import train_run

    return train_run(run, files)
