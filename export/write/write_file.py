"""Writes a file with one form of a converted and calibrated model, or two that share weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfpipeline.export.calibrate.calibrate import Calibration
from tfpipeline.export.convert.float_graphs import Converted
from tfpipeline.export.forms import Form
from tfpipeline.export.lower.lowering import Lowering
from tfpipeline.export.lower.stream_states import ExplicitStates, InternalStates, States
from tfpipeline.export.modes import FLOAT32, ModeTable
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.write.model_card import form_part
from tfpipeline.export.write.model_file import ModelFile, Written
from tfpipeline.runtime.model_card import STEP


def write_form(
    signature: ModelSignature,
    converted: Converted,
    calibration: Calibration,
    forms: Sequence[Form],
    modes: ModeTable,
    card: Mapping[str, Any],
    *,
    io: str = FLOAT32,
    internal_state: bool = False,
    correct_bias: bool = False,
    bounded: bool = False,
    scores: Mapping[str, str | None] | None = None,
) -> Written:
    """Lowers the model to one file.

    Args:
        signature: Names of its inputs and outputs.
        converted: Its float graphs.
        calibration: Ranges and plans, for the graph of the whole sequence.
        forms: What to write: one, or a whole sequence and its stream, both portable or both
            fused. The first one is what interpreters run by default.
        modes: The mode of each layer.
        card: What the model card says besides shapes, types and states.
        io: Type of real inputs and outputs.
        internal_state: Whether a stream keeps its states inside.
        correct_bias: Whether biases take up the mean error of rounded weights.
        bounded: Whether whole sequences may be shorter than the graph's.
        scores: What the entries of each output are, by name, for the card.
    """
    file = ModelFile(signature, io, modes.default.activations, scores)
    stream = converted.stream
    for form in forms:
        graph = file.graph(STEP if form.streaming and len(forms) > 1 else "main")
        source, scales, states = converted.whole, calibration, None
        if form.streaming:
            assert stream is not None
            source, scales = stream.graph, calibration.carried_to(stream.pairs)
            kind: type[States] = InternalStates if internal_state else ExplicitStates
            states = kind(graph, {port.name for port in (*signature.inputs, *signature.outputs)})
        lowering = Lowering(
            source,
            scales,
            graph,
            form,
            modes,
            converted.marked.layer_of,
            states,
            integers_only=io != FLOAT32,
            correct_bias=correct_bias,
            bounded=bounded and not form.streaming,
        )
        file.add(lowering, states, card.get("frontend"))
    chunk = None if stream is None else stream.chunk
    return file.write({**card, **form_part(forms[0].fused)}, chunk)
