"""What can go wrong in an export, each with a sentence for the user."""

from __future__ import annotations

import re

from tfpipeline.errors import TfpipelineError


class ExportError(TfpipelineError):
    """The model or the options cannot be exported; the message names the layer, op or argument."""


class ConversionError(ExportError):
    """The TensorFlow converter failed, crashed or ran out of time; the message gives its log."""


class VerificationError(ExportError):
    """An exported form disagrees with Keras by more than the tolerances allow.

    Args:
        problem: What disagrees, and what to do about it, without a full stop.
        exceeded: The fields of `Tolerances` that would accept it; none where nothing can.
    """

    def __init__(self, problem: str, exceeded: tuple[str, ...] = ()) -> None:
        self._problem = problem
        self.exceeded = exceeded
        fields = ", ".join(f"{name}=..." for name in exceeded)
        super().__init__(self.advising(f"tolerances=Tolerances({fields})"))

    def advising(self, looser: str) -> str:
        """The sentence, with the words of another interface for looser tolerances."""
        if not self.exceeded:
            return self._problem
        return f"{self._problem}, or pass {looser} if this is acceptable"


def reason_of(error: Exception) -> str:
    """What went wrong, without what Keras puts around it: the call, its arguments, bold type."""
    inner = re.search(r"\x1b\[1m(.*?)\x1b\[0m", str(error), re.DOTALL)
    text = inner.group(1) if inner else str(error).strip().partition("\n")[0]
    return " ".join(text.split()) or type(error).__name__
