"""How every choice of clipping and bias correction did, for the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One choice.

    Args:
        clipping: How calibration ranges are chosen.
        bias_correction: Whether biases take up the mean error of rounded weights.
        relative_error: Against Keras, over all channels of the output nearest to its bounds.
        channel_error: Of its worst channel.
        agreement: Share of decisions that are Keras'; None where no output decides.
        chosen: Whether the files are written with it.
    """

    clipping: str
    bias_correction: bool
    relative_error: float
    channel_error: float
    agreement: float | None
    chosen: bool = False


@dataclass(frozen=True)
class ChoicesReport:
    """All choices, compared.

    Args:
        choices: An entry each.
        form: The form they were compared in.
        samples: Number of calibration samples they were compared on.
        held_back: Whether ranges came from other samples for that; otherwise there were too few.
    """

    choices: tuple[Choice, ...]
    form: str
    samples: int
    held_back: bool

    @property
    def best(self) -> Choice:
        return next(choice for choice in self.choices if choice.chosen)

    def __str__(self) -> str:
        others = "held back from calibration" if self.held_back else "of the calibration itself"
        lines = [
            f"clipping and bias correction, {self.form} form, {self.samples} samples {others}:",
            f"{'clipping':<12} {'bias correction':<16} {'relative error':>14} "
            f"{'worst channel':>14} {'agreement':>10}",
        ]
        for choice in self.choices:
            agreement = "" if choice.agreement is None else f"{100 * choice.agreement:.2f} %"
            mark = "  chosen" if choice.chosen else ""
            row = (
                f"{choice.clipping:<12} {'yes' if choice.bias_correction else 'no':<16} "
                f"{choice.relative_error:>14.4f} {choice.channel_error:>14.4f} "
                f"{agreement:>10}{mark}"
            )
            lines.append(row.rstrip())
        return "\n".join(lines)
