"""How well one file agrees with Keras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OutputReport:
    """One output of an exported file against Keras on the verification samples.

    Args:
        name: Of the output.
        agreement: Share of decisions that are Keras', near ties aside (`agreement.py`); None where
            the largest entry is no answer.
        mean_error: Mean absolute difference.
        max_error: Largest absolute difference.
        relative_error: Over all channels together (`relative_error.py`).
        channel_error: Relative error of the worst channel; `relative_error` where channels are not
            told apart.
        constant: Whether Keras' values are the same for all samples.
        boolean: Whether entries are right or wrong, so that errors are the share that is wrong.
        channel_errors: Relative error of each channel, an entry of the last axis.
        decisions: How many decisions there were.
        disagreements: How many of them count against the file.
    """

    name: str
    agreement: float | None
    mean_error: float
    max_error: float
    relative_error: float
    channel_error: float
    constant: bool = False
    boolean: bool = False
    channel_errors: tuple[float, ...] = ()
    decisions: int = 0
    disagreements: int = 0


@dataclass(frozen=True)
class FormReport:
    """One exported file against Keras on the verification samples.

    Args:
        name: "portable", "fused", "stream portable" or "stream fused".
        path: The file.
        bytes: Its size.
        agreement: Share of decisions that are Keras', of the output where it is least; None where
            no output decides.
        mean_error: Mean absolute difference of the scores.
        max_error: Largest absolute difference of the scores.
        relative_error: Over all channels of an output together.
        channel_error: Relative error of its worst channel.
        outputs: The same for each output; the errors above are those of the one that is nearest to
            its bounds, or furthest beyond.
        equals_whole: For a streaming form, whether its last scores equal the whole-sequence
            form's bit for bit; None where there is nothing to compare.
        decisions: How many decisions the agreement is of.
        disagreements: How many of them count against the file.
        micro_arena_bytes: Of a portable stream that TFLite-Micro runs, how large a tensor arena is
            surely enough there.
    """

    name: str
    path: str
    bytes: int
    agreement: float | None
    mean_error: float
    max_error: float
    relative_error: float
    channel_error: float
    outputs: tuple[OutputReport, ...] = ()
    equals_whole: bool | None = None
    decisions: int = 0
    disagreements: int = 0
    micro_arena_bytes: int | None = None


@dataclass(frozen=True)
class DetectorReport:
    """Words found in the first 100 verification samples, one after another as a stream.

    Args:
        model: How many the detector finds in the Keras model's scores.
        header: How many the C header finds.
        same: How many of these are the same word within one smoothing window.
    """

    model: int
    header: int
    same: int


def forms_table(forms: Sequence[FormReport]) -> str:
    """Return every form on a line, with the numbers that the bounds are held against."""
    lines = [
        f"{'form':<16} {'bytes':>9} {'agreement':>10} {'decisions':>13} {'relative error':>15} "
        f"{'worst channel':>14} {'mean error':>11} {'max':>8}  file"
    ]
    for form in forms:
        agreement, decisions = "", ""
        if form.agreement is not None:
            agreement = f"{100 * form.agreement:.2f} %"
            decisions = f"{form.decisions - form.disagreements}/{form.decisions}"
        lines.append(
            f"{form.name:<16} {form.bytes:>9} {agreement:>10} {decisions:>13} "
            f"{form.relative_error:>15.4f} {form.channel_error:>14.4f} {form.mean_error:>11.4f} "
            f"{form.max_error:>8.3f}  {form.path}"
        )
    return "\n".join(lines)
