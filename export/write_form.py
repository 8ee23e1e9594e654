"""Writes one form of a converted and calibrated model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfpipeline.export.calibrate import Calibration
from tfpipeline.export.card import form_part
from tfpipeline.export.conversion import Converted
from tfpipeline.export.lower import Form, Lowering
from tfpipeline.export.model_file import ModelFile, Written
from tfpipeline.export.modes import FLOAT32, ModeTable
from tfpipeline.export.signature import ModelSignature
from tfpipeline.export.states import ExplicitStates, InternalStates, States


def write_form(
    signature: ModelSignature,
    converted: Converted,
    calibration: Calibration,
    form: Form,
    modes: ModeTable,
    card: Mapping[str, Any],
    *,
    io: str = FLOAT32,
    internal_state: bool = False,
    correct_bias: bool = False,
) -> Written:
    """Lowers the model to one file.

    Args:
        signature: Names of its inputs and outputs.
        converted: Its float graphs.
        calibration: Ranges and plans, for the graph of the whole sequence.
        form: What to write.
        modes: The mode of each layer.
        card: What the model card says besides shapes, types and states.
        io: Type of real inputs and outputs.
        internal_state: Whether a stream keeps its states inside.
        correct_bias: Whether biases take up the mean error of rounded weights.
    """
    file = ModelFile(signature, io, modes.default.activations)
    graph = file.graph()
    source, states, chunk = converted.whole, None, None
    if form.streaming:
        assert converted.stream is not None
        source, calibration = converted.stream.graph, calibration.carried_to(converted.stream.pairs)
        chunk = converted.stream.chunk
        kind: type[States] = InternalStates if internal_state else ExplicitStates
        states = kind(graph)
    lowering = Lowering(
        source,
        calibration,
        graph,
        form,
        modes,
        converted.marked.layer_of,
        states,
        integers_only=io != FLOAT32,
        correct_bias=correct_bias,
    )
    return file.write(lowering, states, {**card, **form_part(form, chunk)})
