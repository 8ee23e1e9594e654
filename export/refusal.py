"""The sentence of an export that is refused: what is wrong, and what would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfpipeline.export.calibrate.float_runner import float_runner
from tfpipeline.export.choose.float_outputs import LostChannel
from tfpipeline.export.errors import VerificationError
from tfpipeline.export.graph.markers import clean_name
from tfpipeline.export.modes import FLOAT32
from tfpipeline.export.options import ExportOptions
from tfpipeline.export.report import ExportReport
from tfpipeline.export.verify.converted_model import ConvertedModel
from tfpipeline.export.verify.problems import Problem, acceptable, by_form, channel_name

_GROWS = 2.0
"""A state that goes further than this many times what it does in a sample has lost a bit of its
int8 steps."""
_BEYOND = 1.25
"""Values that reach further than this many times the calibrated range are clipped noticeably."""


def refusal(
    problems: Sequence[Problem],
    report: ExportReport,
    options: ExportOptions,
    lost: Mapping[str, LostChannel],
    beyond: str | None,
    mixed: str | None,
    labels: Sequence[str] | None,
    growth: Mapping[str, tuple[float, float]] | None = None,
) -> VerificationError:
    """Return the error that says what is wrong, with the report.

    Args:
        problems: What is beyond the tolerances.
        report: What was measured, of every form.
        options: Of the export.
        lost: By output, a channel that its integer steps lose.
        beyond: What on the verification samples reaches beyond the calibrated range; None where
            nothing does.
        mixed: What speaks against one scale for the features of an input; None for nothing.
        labels: Names of the channels of a single output.
        growth: By layer, how far its state goes in one sample, and in a stream of ten.
    """
    wrong = by_form(problems, labels)
    found = "; ".join(f"the {form} form {what}" for form, what in wrong.items())
    lost_ones = [_lost(one, labels, options) for one in lost.values() if _concerns(one, problems)]
    advice = [*_sound_forms(wrong, options), *lost_ones]
    if mixed is not None:
        advice.append(
            f"{mixed}: divide each by its size before the model, or override the layer that reads "
            "them with 'float32'"
        )
    advice += _growing(growth or {})
    if mixed is None and beyond is not None and not lost_ones:
        advice.append(f"calibrate with more typical samples, because {beyond}")
    advice = advice or ["the table shows at which layer the error enters"]
    return VerificationError(
        f"{found}. Nothing was written; {'; '.join(advice)}",
        acceptable(problems),
        report,
        report.tables(),
    )


def _growing(growth: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return what to do about the state that grows most over a stream, where one does."""
    ratios = {name: stream / max(one, 1e-9) for name, (one, stream) in growth.items()}
    worst = max(ratios, key=lambda name: ratios[name], default=None)
    if worst is None or ratios[worst] < _GROWS:
        return []
    one, stream = growth[worst]
    return [
        f"the state of layer {worst!r} reaches {stream:.3g} in a stream of ten samples and "
        f"{one:.3g} in one, and its steps are as coarse as that: train it with h_clip or "
        "state_filter, or export with streaming=False what is reset after each sample"
    ]


def _sound_forms(by_form: Mapping[str, str], options: ExportOptions) -> list[str]:
    """Return the line that writes the forms without a problem, where portable or fused has none."""
    wrong = {name.removeprefix("stream ") for name in by_form}
    sound = [
        name
        for name in ("portable", "fused")
        if name not in wrong and any(form.fused == (name == "fused") for form in options.forms)
    ]
    found = [f"the {name} form is sound: forms=({name!r},) writes it" for name in sound]
    whole = any(not form.streaming for form in options.forms)
    if whole and all(name.startswith("stream ") for name in by_form):
        found.append("whole sequences are sound: streaming=False writes them")
    return found


def _concerns(lost: LostChannel, problems: Sequence[Problem]) -> bool:
    return any(problem.output == lost.output for problem in problems)


def _lost(lost: LostChannel, labels: Sequence[str] | None, options: ExportOptions) -> str:
    """Return what to do about a channel that is lost in the steps of the others."""
    kind = options.modes.default.activations if options.io == FLOAT32 else options.io
    ways = ["give it an output of its own", "scale the channels to like deviations"]
    if options.io != FLOAT32:
        ways.append("export with io='float32'")
    elif options.overrides:
        ways.append("leave the mode of the last layer to the export, or override it with 'float32'")
    others = f" (and {lost.others} more)" if lost.others else ""
    return (
        f"{channel_name(lost.channel, labels)}{others} of output {lost.output!r} deviates by "
        f"{lost.scale:.3g} only, and all its channels share {kind} steps of {lost.step:.3g}: "
        f"{', or '.join(ways)}"
    )


def beyond_range(model: ConvertedModel) -> str | None:
    """Return what reaches furthest beyond the calibrated range on verification samples."""
    converted, few = model.converted, model.few()
    runner = float_runner(converted.data, converted.whole, converted.marked.marked, few)
    worst, name = _BEYOND, None
    low_high: dict[int, tuple[float, float]] = {}
    for sample in range(runner.samples):
        runner.run(sample)
        for index in model.table.ranges:
            values = runner.value(index)
            low, high = low_high.get(index, (np.inf, -np.inf))
            low_high[index] = min(low, float(values.min())), max(high, float(values.max()))
    for index, (low, high) in low_high.items():
        calibrated = model.table.ranges[index]
        reach = max(abs(calibrated[0]), abs(calibrated[1]), 1e-9)
        ratio = max(abs(low), abs(high)) / reach
        if ratio > worst:
            tensor = converted.whole.tensors[index].name
            worst, name = ratio, clean_name(tensor, converted.marked.layer_of(tensor))
    if name is None:
        return None
    return f"verification samples reach {worst:.1f} times as far as those at {name!r}"
