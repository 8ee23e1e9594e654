"""What can go wrong in an export, each with a sentence for the user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tfpipeline.errors import TfpipelineError


class ExportError(TfpipelineError):
    """The model or the options cannot be exported; the message names the layer, op or argument."""


class FloatNeededError(ExportError):
    """A graph of integers was asked for, and something in the model needs float32.

    Args:
        what: What needs it.
        reason: What was asked for, and what to do.
    """

    def __init__(self, what: str, reason: str) -> None:
        self.what = what
        super().__init__(f"{what}, {reason}")


class ConversionError(ExportError):
    """The TensorFlow converter failed, crashed or ran out of time; the message gives its log."""


class VerificationError(ExportError):
    """An exported form disagrees with Keras by more than the tolerances allow.

    Args:
        problem: What disagrees, and what to do about it, without a full stop.
        acceptable: By field of `Tolerances`, a bound that would accept it; none where nothing can.
        report: What was measured, of every form: an `ExportReport` of an export, the `FormReport`s
            of finished files; None where it did not come so far.
        table: The same for people, printed below the sentence.
    """

    def __init__(
        self,
        problem: str,
        acceptable: Mapping[str, float] | None = None,
        report: Any = None,
        table: str = "",
    ) -> None:
        self._problem = problem
        self.acceptable = dict(acceptable or {})
        self.report = report
        self.table = table
        fields = ", ".join(f"{name}={bound:g}" for name, bound in self.acceptable.items())
        sentence = self.advising(f"tolerances=Tolerances({fields})")
        super().__init__(f"{sentence}\n\n{table}" if table else sentence)

    def advising(self, looser: str) -> str:
        """Return the sentence, with the words of another interface for looser tolerances."""
        if not self.acceptable:
            return self._problem
        return f"{self._problem}, or pass {looser} if this is acceptable"


def reason_of(error: Exception) -> str:
    """Return what went wrong, without what Keras adds: the call, its arguments, bold type."""
    inner = re.search(r"\x1b\[1m(.*?)\x1b\[0m", str(error), re.DOTALL)
    text = inner.group(1) if inner else str(error).strip().partition("\n")[0]
    return " ".join(text.split()) or type(error).__name__
