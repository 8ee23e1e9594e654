"""What can go wrong in an export, each with a sentence for the user."""

from __future__ import annotations

from tfpipeline.errors import TfpipelineError


class ExportError(TfpipelineError):
    """The model or the options cannot be exported; the message names the layer, op or argument."""


class ConversionError(ExportError):
    """The TensorFlow converter failed, crashed or ran out of time; the message gives its log."""


class VerificationError(ExportError):
    """An exported form disagrees with Keras by more than the tolerances allow."""
