"""The language models: an embedding, recurrent layers, and a classifier of what follows."""

from __future__ import annotations

from typing import Any

import keras

import tfpipeline as tp
from tfpipeline.studies.fast_grnn.language.runs import LanguageModel
from tfpipeline.studies.fast_grnn.models import LAYER, recurrent_layer
from tfpipeline.studies.fast_grnn.runs import Training

CLASSIFIER = "classifier"
# With the 0.03 of Keras a GRU hardly begins to learn in the few steps of the quick preset.
_EMBEDDING = 0.5


def build(run: LanguageModel, words: int) -> keras.Model:
    """Return a run's model, untrained: from `(batch, time)` numbers to logits of what follows."""
    inputs = keras.Input((None,), dtype="int32")
    start = keras.initializers.RandomNormal(stddev=_EMBEDDING, seed=run.seed)
    x = keras.layers.Embedding(words, run.units, start, name="embedding")(inputs)
    for layer in recurrent_layers(run):
        x = layer(x)
    return keras.Model(inputs, keras.layers.Dense(words, name=CLASSIFIER)(x))


def recurrent_layers(run: LanguageModel) -> list[Any]:
    """Return its recurrent layers; the first one is called `LAYER`."""
    options: dict[str, Any] = {"return_sequences": True}
    if run.weight_drop:
        options["recurrent_weight_drop"] = run.weight_drop
    if run.ar or run.tar:
        options["activity_regularizer"] = tp.regularizers.ActivationRegularizer(run.ar, run.tar)
    names = [LAYER, *(f"{LAYER}_{number}" for number in range(2, run.layers + 1))]
    return [
        recurrent_layer(
            Training(
                run.seed,
                run.cell,
                run.units,
                rank=run.rank,
                recurrent_rank=run.recurrent_rank,
                piecewise=run.piecewise,
                options=tuple({"name": name, **options}.items()),
            )
        )
        for name in names
    ]
