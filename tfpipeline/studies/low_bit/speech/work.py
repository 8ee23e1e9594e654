"""Does a run of the study of recognizers."""

from __future__ import annotations

from typing import Any

from tfpipeline.studies.low_bit.speech.runs import Deployed, Recognizer, RunFiles


def do_run(run: Recognizer | Deployed, files: RunFiles) -> dict[str, Any]:
    """Train or export; Keras is imported in the process that does it."""
    if isinstance(run, Deployed):
        from tfpipeline.studies.low_bit.speech.deployment import deploy_run

        return deploy_run(run, files)
    from tfpipeline.studies.low_bit.speech.training import train_run

    return train_run(run, files)
