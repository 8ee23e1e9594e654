"""Does a run of the study of language models."""

from __future__ import annotations

from typing import Any

from tfpipeline.studies.fast_grnn.language.runs import LanguageModel, RunFiles


def do_run(run: LanguageModel, files: RunFiles) -> dict[str, Any]:
    """Train and test; Keras is imported in the process that does it."""
    from tfpipeline.studies.fast_grnn.language.training import train_run

    return train_run(run, files)
