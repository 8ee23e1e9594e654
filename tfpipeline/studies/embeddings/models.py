"""The models of the studies of embeddings: an LSTM, and a deep averaging network."""

from __future__ import annotations

import keras
import numpy as np

from tfpipeline.compress import project_embedding
from tfpipeline.studies.embeddings.data import PADDING, Sentences
from tfpipeline.studies.embeddings.runs import RANDOM, WHOLE, Training
from tfpipeline.studies.embeddings.settings import Settings
from tfpipeline.studies.embeddings.word_vectors import as_start, word_vectors

WORDS = "words"


def build(run: Training, sentences: Sentences, settings: Settings) -> keras.Model:
    """Return a run's model, untrained; it takes ids and gives logits.

    The LSTM reads words up to the last one, which is why padding is in front of them; a mask, which
    exports of recurrent layers do not have, is not needed. The deep averaging network of Iyyer et
    al. (2015) takes the mean of all words but padding, and dense layers of it.
    """
    table = first_table(run, sentences, settings)
    ids = keras.Input((settings.steps,), dtype="int32", name="ids")
    rows, width = table.shape
    words = keras.layers.Embedding(rows, width, mask_zero=run.model == "dan", name=WORDS)
    found = words(ids)
    if run.model == "lstm":
        found = keras.layers.LSTM(settings.units, name="recurrent")(found)
    else:
        found = keras.layers.GlobalAveragePooling1D(name="mean")(found)
        for number, units in enumerate(settings.hidden, 1):
            found = keras.layers.Dense(units, "relu", name=f"hidden_{number}")(found)
    found = keras.layers.Dropout(settings.dropout, seed=run.seed, name="dropout")(found)
    model = keras.Model(ids, keras.layers.Dense(sentences.classes, name="scores")(found))
    words.embeddings.assign(table)
    return model


def first_table(run: Training, sentences: Sentences, settings: Settings) -> np.ndarray:
    """Return the table that a run starts from, float32 `(vocabulary, width)`."""
    if run.start == RANDOM:
        rng = np.random.default_rng(run.seed)
        drawn = rng.normal(size=(sentences.vocabulary, settings.width))
        drawn[PADDING] = 0.0
        return as_start(drawn)
    vectors = word_vectors(
        sentences.train.x, sentences.vocabulary, settings.width, settings.contexts
    )
    if run.start == WHOLE:
        return vectors
    return as_start(
        project_embedding(
            vectors, reduction=run.reduction, method=run.start, removed=settings.removed
        )
    )
