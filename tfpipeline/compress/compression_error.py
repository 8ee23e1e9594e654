"""The error of a compression that cannot be done as asked."""

from __future__ import annotations

from tfpipeline.errors import TfpipelineError


class CompressionError(TfpipelineError, ValueError):
    """The model or the criterion does not fit; the message says which, and what would."""
