"""A label for each word: slots of a request, parts of speech."""

from __future__ import annotations

import keras
import numpy as np

from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.text.classifier import Parts
from tfpipeline.models.text.presets import TextPreset, preset_of
from tfpipeline.models.text.word_embedding import check_positive, word_embedding


def tagger(
    vocabulary_size: int,
    tags: int,
    preset: str | TextPreset = "paper",
    *,
    bidirectional: bool = True,
    embeddings: np.ndarray | None = None,
    rank: Rank | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return a model of words' vectors, a GRU that is read at each word, and scores of its tags.

    Nothing is masked, so that the exported file computes what was trained, on sequences of one
    length: train it on padded ids with `sample_weight=ids > 0`, so that padding has no part in the
    loss.

    Args:
        vocabulary_size, preset, embeddings, rank, seed: as in `lstm`.
        tags: number of scores of each word.
        bidirectional: whether a second GRU reads from the end. Without it the model streams, and
            export's `length="bounded"` takes shorter sequences.

    Returns:
        A Sequential model, not compiled: ids `(batch, words)` to logits `(batch, words, tags)`.

    Raises:
        ValueError: for arguments that are impossible or do not fit each other.

    Example:

    >>> tagger(1000, 7, "small").output_shape
    (None, None, 7)
    """
    chosen = preset_of("tagger", preset)
    check_positive("tagger", "tags", tags)
    words = word_embedding(
        "tagger",
        vocabulary_size,
        chosen.width,
        embeddings=embeddings,
        rank=rank,
        mask_zero=False,
        seed=seed,
    )
    parts = Parts(chosen, seed)
    reader = parts.recurrent(keras.layers.GRU, "gru", return_sequences=True)
    if bidirectional:
        backwards = parts.recurrent(
            keras.layers.GRU, "backward_gru", return_sequences=True, go_backwards=True
        )
        reader = keras.layers.Bidirectional(
            reader, backward_layer=backwards, name="both_directions"
        )
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="ids"),
            words,
            *parts.dropout(),
            reader,
            *parts.dropout(),
            parts.dense(tags, None, "scores"),
        ],
        name="tagger",
    )
