"""Decides which output layers stay in float32, from what integers would lose of their channels."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from tfpipeline.export.choose.float_outputs import LostChannel, float_layers, lost_channels
from tfpipeline.export.convert.float_graphs import Converted
from tfpipeline.export.lower.scales import Quantizer
from tfpipeline.export.options import ExportOptions
from tfpipeline.export.quantize.ranges import MINMAX
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.trace.predictions import predict
from tfpipeline.export.verify.against_keras import Reference
from tfpipeline.export.verify.score_kinds import Scores


def keep_outputs(
    model: keras.Model,
    signature: ModelSignature,
    samples: Samples,
    converted: Converted,
    quantizer: Quantizer,
    options: ExportOptions,
    scores: Mapping[str, Scores],
) -> tuple[ExportOptions, dict[str, str], dict[str, LostChannel]]:
    """Return the options with layers in float32 whose output would lose a channel.

    Args:
        model: The Keras model.
        signature: Its inputs and outputs.
        samples: Those of calibration; the verification samples have no say in what is written.
        converted: Its float graph.
        quantizer: Scales of the graph's activations.
        options: With the mode of each layer.
        scores: What the entries of each output are.

    Returns:
        The options; the channel by layer that was kept; and by output what is lost all the same.
    """
    if not options.modes.needs_ranges:
        return options, {}, {}
    expected = predict(model, signature, samples)
    scales = Reference(samples, expected, scores, signature.timed_outputs).scales()
    lost = lost_channels(signature, converted, quantizer.table(MINMAX), options, scales)
    kept: dict[str, str] = {}
    for output in list(lost):
        layers = float_layers(signature, converted, options, output)
        if layers:
            options = options.with_float_layers(layers)
            kept |= dict.fromkeys(layers, f"in its integer steps {lost.pop(output)}")
    can_fuse = converted.can_fuse(options.modes, options.block_sparse)
    return options.without_idle_forms(can_fuse), kept, lost
