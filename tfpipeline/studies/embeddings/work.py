"""Does a run of the studies of embeddings."""

from __future__ import annotations

from typing import Any

from tfpipeline.studies.embeddings.runs import Deployed, Run, RunFiles, Smaller


def do_run(run: Run, files: RunFiles) -> dict[str, Any]:
    """Train, or export; Keras is imported in the process that does it."""
    if isinstance(run, Deployed):
        from tfpipeline.studies.embeddings.deployment import deploy_run

        return deploy_run(run, files)
    from tfpipeline.studies.embeddings.training import shrink_run, train_run

    return shrink_run(run, files) if isinstance(run, Smaller) else train_run(run, files)
