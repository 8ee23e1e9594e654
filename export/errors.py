"""What can go wrong in an export, each with a sentence for the user."""

from __future__ import annotations

import re

from tfpipeline.errors import TfpipelineError


class ExportError(TfpipelineError):
    """The model or the options cannot be exported; the message names the layer, op or argument."""


class ConversionError(ExportError):
    """The TensorFlow converter failed, crashed or ran out of time; the message gives its log."""


class VerificationError(ExportError):
    """An exported form disagrees with Keras by more than the tolerances allow."""


def reason_of(error: Exception) -> str:
    """What went wrong, without what Keras puts around it: the call, its arguments, bold type."""
    inner = re.search(r"\x1b\[1m(.*?)\x1b\[0m", str(error), re.DOTALL)
    text = inner.group(1) if inner else str(error).strip().partition("\n")[0]
    return " ".join(text.split()) or type(error).__name__
