"""Does a run of the studies of FastGRNN."""

from __future__ import annotations

from typing import Any

from tfpipeline.studies.fast_grnn.runs import Cut, Deployed, FirstStates, Run, RunFiles


def do_run(run: Run, files: RunFiles) -> dict[str, Any]:
    """Train, export or test; Keras is imported in the process that does it."""
    if isinstance(run, Deployed):
        from tfpipeline.studies.fast_grnn.deployment import deploy_run

        return deploy_run(run, files)
    if isinstance(run, FirstStates):
        from tfpipeline.studies.fast_grnn.first_states import first_states_run

        return first_states_run(run, files)
    from tfpipeline.studies.fast_grnn.training import cut_run, train_run

    return cut_run(run, files) if isinstance(run, Cut) else train_run(run, files)
