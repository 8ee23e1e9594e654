"""The models of the studies of few bits on pixels: a recurrent layer and a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras

import tfpipeline as tp
from tfpipeline.studies.low_bit.runs import Training

LAYERS: Mapping[str, Any] = MappingProxyType(
    {
        "lstm": tp.layers.NormalizedLSTM,
        "gru": tp.layers.NormalizedGRU,
        "fast_rnn": tp.layers.FastRNN,
        "fast_grnn": tp.layers.FastGRNN,
    }
)
LAYER, CLASSIFIER = "recurrent", "classifier"
UNIFORM = "uniform"


def build(run: Training, units: int, shape: tuple[int, int], classes: int) -> keras.Model:
    """Return a run's model, untrained; it gives logits.

    Args:
        run: which.
        units: of the recurrent layer.
        shape: steps and features of a sequence.
        classes: of the classifier.
    """
    inputs = keras.Input(shape)
    outputs = keras.layers.Dense(classes, name=CLASSIFIER)(_layer(run, units)(inputs))
    model = keras.Model(inputs, outputs)
    if run.gain == UNIFORM:
        for number, normal in enumerate(model.get_layer(LAYER).cell.averages_of()):
            if normal is not None:
                draws = keras.random.uniform(normal.gain.shape, seed=1000 * run.seed + number)
                normal.gain.assign(draws)
    return model


def callbacks_for(quantizer: str | None) -> list[keras.callbacks.Callback]:
    """Return what training with a quantizer needs, or has as published."""
    if quantizer in ("LAB", "LAT"):
        return [tp.callbacks.SecondMoments()]
    return [tp.callbacks.StepClipping()] if quantizer == "SBN" else []


def bits_of(quantizer: str | None) -> int:
    """Return the bits of a weight."""
    found = tp.quantizers.get(quantizer)
    return 32 if found is None else found.bits


def _layer(run: Training, units: int) -> Any:
    normalization = tp.normalizations.get(run.normalization)
    if normalization is not None and isinstance(run.gain, float):
        options = {**normalization.get_config(), "initial_gain": run.gain}
        normalization = type(normalization)(**options)
    more = {"normalize_cell": True} if run.normalize_cell else {}
    return LAYERS[run.cell](
        units, weight_quantizer=run.quantizer, normalization=normalization, name=LAYER, **more
    )
