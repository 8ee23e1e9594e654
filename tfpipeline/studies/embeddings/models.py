"""The models of the studies of embeddings: an LSTM, and a deep averaging network."""

from __future__ import annotations

import keras
import numpy as np

from tfpipeline.compress import project_embedding
from tfpipeline.studies.embeddings.data import read_sentences, read_vectors
from tfpipeline.studies.embeddings.runs import RANDOM, WHOLE, RunFiles, Training
from tfpipeline.studies.embeddings.sentences import PADDING
from tfpipeline.studies.embeddings.word_vectors import as_start

WORDS = "words"


def build(run: Training, files: RunFiles) -> keras.Model:
    """Return a run's model, untrained; it takes ids and gives logits.

    The LSTM reads words up to the last one, which is why padding is in front of them; a mask, which
    exports of recurrent layers do not have, is not needed. The deep averaging network of Iyyer et
    al. (2015) takes the mean of all words but padding, and dense layers of it.
    """
    settings, table = files.settings, first_table(run, files)
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
    scores = keras.layers.Dense(read_sentences(files).classes, name="scores")
    model = keras.Model(ids, scores(found))
    words.embeddings.assign(table)
    return model


def first_table(run: Training, files: RunFiles) -> np.ndarray:
    """Return the table that a run starts from, float32 `(vocabulary, width)`."""
    settings, vectors = files.settings, read_vectors(files)
    if run.start == WHOLE:
        return vectors
    if run.start == RANDOM:
        drawn = np.random.default_rng(run.seed).normal(size=vectors.shape)
        drawn[PADDING] = 0.0
        return as_start(drawn)
    return as_start(
        project_embedding(
            vectors, reduction=run.reduction, method=run.start, removed=settings.removed
        )
    )
