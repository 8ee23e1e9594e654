"""The recognizers: Deep Speech 2 with recurrent layers of few bits."""

from __future__ import annotations

import keras
import numpy as np

import tfpipeline as tp
from tfpipeline.decoding import Alphabet
from tfpipeline.models import ds2
from tfpipeline.models.open_gates import open_update_gates
from tfpipeline.studies.low_bit.speech.runs import Recognizer
from tfpipeline.studies.low_bit.speech.settings import Settings


def build(run: Recognizer, settings: Settings, bands: int) -> keras.Model:
    """Return a run's model, untrained: `(batch, frames, bands)` to logits of symbols.

    Its weights begin as those of `ds2` without a quantizer, whatever the run has.
    """

    def layer_like(layer: keras.layers.Layer) -> keras.layers.Layer:
        if not isinstance(layer, keras.layers.GRU):
            return type(layer).from_config(layer.get_config())
        return tp.layers.NormalizedGRU(
            layer.units,
            return_sequences=True,
            kernel_initializer=layer.kernel_initializer,
            recurrent_initializer=layer.recurrent_initializer,
            weight_quantizer=run.quantizer,
            normalization=run.normalization,
            name=layer.name,
        )

    plain = ds2(
        num_symbols=len(Alphabet()),
        num_features=bands,
        units=settings.units,
        dense=settings.dense,
        filters=settings.filters,
        kernels=settings.kernels,
        fast=True,
        factored=False,
        seed=run.seed,
    )
    model = keras.models.clone_model(plain, clone_function=layer_like)
    for index, layer in enumerate(recurrent_layers(model)):
        rng = np.random.default_rng(1000 * run.seed + index)
        open_update_gates(layer, settings.memory_frames, rng)
    return model


def recurrent_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the recurrent layers, the first one first."""
    return [layer for layer in model.layers if isinstance(layer, tp.layers.NormalizedGRU)]
