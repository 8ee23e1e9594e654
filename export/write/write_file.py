"""Writes a file with one form of a converted and calibrated model, or two that share weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfpipeline.export.convert.float_graphs import Converted
from tfpipeline.export.lower.lowering import Lowering
from tfpipeline.export.lower.scales import QuantizationTable
from tfpipeline.export.lower.stream_states import ExplicitStates, InternalStates, States
from tfpipeline.export.options import ExportOptions, Form
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.write.model_card import form_part
from tfpipeline.export.write.model_file import ModelFile, Written
from tfpipeline.runtime.model_card import STEP


def write_file(
    signature: ModelSignature,
    converted: Converted,
    table: QuantizationTable,
    forms: Sequence[Form],
    options: ExportOptions,
    card: Mapping[str, Any],
    scores: Mapping[str, str | None] | None = None,
    metadata: Mapping[str, bytes] | None = None,
) -> Written:
    """Lower the model to one file.

    Args:
        signature: Names of its inputs and outputs.
        converted: Its float graphs.
        table: Scales and quantized layers, for the graph of the whole sequence.
        forms: What to write: one, or a whole sequence and its stream, both portable or both
            fused. The first one is what interpreters run by default.
        options: Modes, types of inputs and outputs, states, lengths.
        card: What the model card says besides shapes, types and states.
        scores: What the entries of each output are, by name, for the card.
        metadata: Entries beside the card, by name.
    """
    file = ModelFile(signature, options, scores)
    stream = converted.stream
    # Weights that one of the graphs has sparse are so in both, or they would be there twice.
    sparse = converted.sparse_in_stream(options.modes) if len(forms) > 1 else frozenset()
    for form in forms:
        graph = file.graph(STEP if form.streaming and len(forms) > 1 else "main")
        source, scales, states = converted.whole, table, None
        if form.streaming:
            assert stream is not None
            source, scales = stream.graph, table.carried_to(stream.graph, stream.pairs)
            kind: type[States] = InternalStates if options.internal_state else ExplicitStates
            states = kind(graph, {spec.name for spec in (*signature.inputs, *signature.outputs)})
        layer_of = converted.marked.layer_of
        also = frozenset() if form.streaming else sparse
        lowering = Lowering(source, scales, graph, form, options, layer_of, states, sparse=also)
        file.add(lowering, states, card.get("frontend"))
    chunk = None if stream is None else stream.chunk
    return file.write({**card, **form_part(forms[0].fused)}, chunk, metadata)
