"""The models: characters one-hot or words embedded, recurrent layers, a classifier of the next."""

from __future__ import annotations

import keras

from tfpipeline.studies.low_bit.models import CLASSIFIER, LAYER, LAYERS
from tfpipeline.studies.low_bit.text.runs import TextModel
from tfpipeline.studies.low_bit.text.settings import Settings

# With the 0.03 of Keras layers hardly begin to learn in the few steps of the quick preset.
_START = 0.5
EMBEDDING = "embedding"


def build(run: TextModel, settings: Settings, symbols: int) -> keras.Model:
    """Return a run's model, untrained: from `(batch, time)` numbers to logits of what follows.

    Args:
        run: which.
        settings: of the study.
        symbols: how many different ones there are.
    """
    inputs = keras.Input((None,), dtype="int32")
    if settings.level == "word":
        start = keras.initializers.RandomNormal(stddev=_START, seed=run.seed)
        x = keras.layers.Embedding(symbols, settings.units, start, name=EMBEDDING)(inputs)
    else:
        # One-hot, so that the input kernel is what the papers quantize and count.
        x = keras.layers.Embedding(
            symbols,
            symbols,
            embeddings_initializer="identity",
            trainable=False,
            name="one_hot",
        )(inputs)
    for number in range(run.layers):
        x = LAYERS[run.cell](
            settings.units,
            weight_quantizer=run.quantizer,
            normalization=run.normalization,
            return_sequences=True,
            name=f"{LAYER}_{number}" if number else LAYER,
        )(x)
    return keras.Model(inputs, keras.layers.Dense(symbols, name=CLASSIFIER)(x))
