"""What is beyond the tolerances in what was measured of files."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.verify.agreement import Decisions
from tfpipeline.export.verify.form_report import FormReport, OutputReport
from tfpipeline.export.verify.problems import Problem
from tfpipeline.export.verify.relative_error import worst_channel


def problems_of(
    reports: Sequence[FormReport], tolerances: Tolerances, exact_streams: bool
) -> list[Problem]:
    """Return what is beyond the tolerances, form by form.

    Args:
        reports: What `verify` measured.
        tolerances: What to accept.
        exact_streams: Whether a stream must have the bits of the whole sequence. It does where
            activations are integers; float kernels may add in another order, and kernels that
            quantize on the fly choose their scales from other numbers.
    """
    found: list[Problem] = []
    for report in reports:
        for output in report.outputs:
            found += _problems_of_output(report, output, tolerances)
        if exact_streams and report.equals_whole is False:
            what = "its scores differ from the whole-sequence form's"
            found.append(Problem(report.name, what, {}))
    return found


def _problems_of_output(
    report: FormReport, output: OutputReport, tolerances: Tolerances
) -> list[Problem]:
    found = []
    if output.agreement is not None:
        decisions = Decisions(output.decisions, output.disagreements)
        if decisions.refused_by(tolerances.agreement):
            what = (
                f"agreement {output.agreement:.4f} < {tolerances.agreement:g} "
                f"({output.disagreements} of {output.decisions} decisions are others)"
            )
            accepted = {"agreement": decisions.least_accepted()}
            found.append(Problem(report.name, what, accepted, output.name))
    relative = ""
    if output.constant:
        relative = (
            f" (output {output.name!r} of Keras is constant on the samples, so the error is "
            "relative to its value)"
        )
    if not output.relative_error <= tolerances.relative_error:
        bound = tolerances.relative_error
        what = f"relative error {output.relative_error:.4f} > {bound:g}{relative}"
        accepted = {"relative_error": tolerances.accepting(output.relative_error)}
        found.append(Problem(report.name, what, accepted, output.name))
    # A boolean channel that is stuck is wrong as often as the other value occurs, not in all of
    # its entries, so that its bound cannot be wider.
    bound = tolerances.relative_error if output.boolean else tolerances.channel_error
    if len(output.channel_errors) > 1 and not output.channel_error <= bound:
        looser = tolerances.accepting if output.boolean else tolerances.accepting_channel
        what = f"relative error {output.channel_error:.4f} > {bound:g}{relative}"
        accepted = {"relative_error": looser(output.channel_error)}
        channel = worst_channel(output.channel_errors)
        found.append(Problem(report.name, what, accepted, output.name, channel))
    return found
