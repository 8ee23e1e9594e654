"""What can go wrong when a model is loaded or run, each with a sentence for the user."""

from __future__ import annotations

from tfpipeline.errors import TfpipelineError


class ModelFileError(TfpipelineError):
    """The file is missing, damaged, or not a model that this call can run."""


class InputError(TfpipelineError, ValueError):
    """What a program passed does not fit the model, or is no number that it can take."""


class RuntimeUnavailableError(TfpipelineError):
    """No TensorFlow Lite interpreter is installed, or not the one asked for."""
