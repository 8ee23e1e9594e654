"""The character models: characters one-hot, recurrent layers, and a classifier of what follows."""

from __future__ import annotations

import keras

from tfpipeline.studies.low_bit.models import CLASSIFIER, LAYER, LAYERS
from tfpipeline.studies.low_bit.text.runs import CharacterModel


def build(run: CharacterModel, units: int, characters: int) -> keras.Model:
    """Return a run's model, untrained: from `(batch, time)` numbers to logits of what follows.

    Args:
        run: which.
        units: of each recurrent layer.
        characters: how many different ones there are.
    """
    inputs = keras.Input((None,), dtype="int32")
    # One-hot, so that the input kernel is what the papers quantize and count.
    x = keras.layers.Embedding(
        characters,
        characters,
        embeddings_initializer="identity",
        trainable=False,
        name="one_hot",
    )(inputs)
    for number in range(run.layers):
        x = LAYERS[run.cell](
            units,
            weight_quantizer=run.quantizer,
            normalization=run.normalization,
            return_sequences=True,
            name=f"{LAYER}_{number}" if number else LAYER,
        )(x)
    return keras.Model(inputs, keras.layers.Dense(characters, name=CLASSIFIER)(x))
