"""The sentence of a C header that is refused: what is wrong, and what would help."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfpipeline.export.errors import VerificationError
from tfpipeline.export.header_report import CHeaderReport
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.header_layers import HeaderLayers
from tfpipeline.export.verify.beyond_tolerances import problems_of
from tfpipeline.export.verify.drift import problems_of_drift
from tfpipeline.export.verify.problems import acceptable, by_form


def refuse_header(
    report: CHeaderReport,
    accepted: Tolerances,
    layers: HeaderLayers,
    labels: Sequence[str] | None,
) -> None:
    """Raise where a C header is too far from Keras.

    Args:
        report: what was measured.
        accepted: what to accept.
        layers: what the model computes.
        labels: names of the classes.

    Raises:
        VerificationError: it is too far; the error has the report.
    """
    problems = problems_of([report.form], accepted, exact_streams=False)
    if not problems and report.streaming and report.drift is not None:
        problems = problems_of_drift({report.form.name: report.drift}, accepted)
    if not problems:
        return
    found = "; ".join(f"the {form} {what}" for form, what in by_form(problems, labels).items())
    step = layers.step
    arrays = {"a kernel": (*step.kernel, *step.recurrent_kernel), "the bias": (step.bias,)}
    largest = {what: max(float(np.abs(one).max()) for one in some) for what, some in arrays.items()}
    worst = max(largest, key=lambda what: largest[what])
    advice = (
        f"all weights of layer {layers.name!r} share one scale, which the largest one decides, "
        f"{largest[worst]:.3g} in {worst}: train with smaller ones"
    )
    if any(problem.verb == "drifts" for problem in problems):
        advice = (
            f"train layer {layers.name!r} with h_clip or state_filter, or pass streaming=False "
            "where a program resets the state after each sample"
        )
    raise VerificationError(
        f"{found}. Nothing was written; {advice}", acceptable(problems), report, str(report)
    )
