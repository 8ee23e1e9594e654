"""Does a run of the low-rank studies."""

from __future__ import annotations

from typing import Any

from tfpipeline.studies.low_rank.runs import Deployed, Run, RunFiles


def do_run(run: Run, files: RunFiles) -> dict[str, Any]:
    """Train or export; Keras is imported in the process that does it."""
    if isinstance(run, Deployed):
        from tfpipeline.studies.low_rank.deployment import deploy_run

        return deploy_run(run, files)
    from tfpipeline.studies.low_rank.training import train_run

    return train_run(run, files)
