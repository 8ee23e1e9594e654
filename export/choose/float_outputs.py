"""Output layers that must stay in float32, because one integer scale would lose a channel.

An integer output has one scale for all its channels. A channel that moves less than its steps is
lost in them: a temperature beside a pressure, the upper bands of a mask, a logit beside a distance.
Inputs and outputs of such a file are float32 anyway (`io`), so the layers behind its last product
are left in float32 too, and every channel has the precision of what comes before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfpipeline.export.convert.float_graphs import Converted
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.graph.op_layers import PRODUCTS, OpLayers
from tfpipeline.export.lower.scales import QuantizationTable
from tfpipeline.export.modes import FLOAT32
from tfpipeline.export.options import ExportOptions
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.verify.relative_error import Scales

_LARGEST_ROUNDING = Tolerances().relative_error / 2.0
"""Half of what is usually allowed to an output, which may have this channel alone: all else needs
the other half. That several channels are allowed more is no reason to round one more coarsely,
because float32 costs nothing here."""


@dataclass(frozen=True)
class LostChannel:
    """A channel that an integer output would lose.

    Args:
        output: Name of the output.
        channel: Which of its channels.
        scale: How far it deviates on the samples.
        step: The step of the integers.
        others: How many channels of the output are lost besides it, less badly.
    """

    output: str
    channel: int
    scale: float
    step: float
    others: int = 0

    def __str__(self) -> str:
        besides = f" (and {self.others} more)" if self.others else ""
        return (
            f"channel {self.channel} of output {self.output!r}{besides} would be lost: it deviates "
            f"by {self.scale:.3g}, a step is {self.step:.3g}"
        )


def lost_channels(
    signature: ModelSignature,
    converted: Converted,
    table: QuantizationTable,
    options: ExportOptions,
    scales: Mapping[str, Scales],
) -> dict[str, LostChannel]:
    """Return the channel that suffers most in the steps of each integer output that loses any.

    Args:
        signature: Names of the outputs.
        converted: The float graph.
        table: Scales of its activations.
        options: With the mode of each layer.
        scales: How far Keras' values of each channel deviate, by output.
    """
    graph = converted.whole
    layers = OpLayers(graph, converted.marked.layer_of)
    found = {}
    for i, spec in enumerate(signature.outputs):
        index = graph.outputs[f"out_{i}"]
        if graph.tensors[index].dtype != np.float32 or scales[spec.name].constant:
            continue
        op = _producer(graph, index)
        kind = options.modes.of(None if op is None else layers.of(op)).activations
        if options.io != FLOAT32:
            kind = options.io
        if kind == FLOAT32:
            continue
        try:
            step = table.of(index, kind).scales()[0]
        except (ValueError, OverflowError):
            continue  # whoever writes the file says what is wrong with the values
        # The rounding error of a step is uniform: its standard deviation is step / sqrt(12).
        one = scales[spec.name]
        deviations = one.channels if one.channels.size else np.array([one.spread])
        errors = step / np.sqrt(12.0) / deviations
        if errors.max() > _LARGEST_ROUNDING:
            channel = int(errors.argmax())
            deviation = float(deviations[channel])
            others = int((errors > _LARGEST_ROUNDING).sum()) - 1
            found[spec.name] = LostChannel(spec.name, channel, deviation, step, others)
    return found


def float_layers(
    signature: ModelSignature, converted: Converted, options: ExportOptions, output: str
) -> tuple[str, ...]:
    """Return the layers that put out an output, back to the last product.

    Returns:
        Their names; none where the export cannot, or was told not to, keep them in float32.
    """
    if options.io != FLOAT32:
        return ()
    graph = converted.whole
    layer_of = OpLayers(graph, converted.marked.layer_of)
    names = [spec.name for spec in signature.outputs]
    tensors = [graph.outputs[f"out_{names.index(output)}"]]
    layers: dict[str, None] = {}
    while tensors:
        op = _producer(graph, tensors.pop())
        if op is None or op.custom is not None:
            continue
        layer = layer_of.of(op)
        if layer is None or options.modes.is_overridden(layer):
            return ()
        layers[layer] = None
        if op.code not in PRODUCTS:
            tensors += [i for i in op.inputs if not graph.is_constant(i)]
    return tuple(layers)


def _producer(graph: FloatGraph, index: int) -> FloatOperator | None:
    position = graph.producer(index)
    return None if position is None else graph.operators[position]
