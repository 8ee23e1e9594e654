"""A sequence of symbols for a text: spelling, dates, short answers."""

from __future__ import annotations

import keras
import numpy as np

from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.text.classifier import Parts
from tfpipeline.models.text.presets import TextPreset, preset_of
from tfpipeline.models.text.word_embedding import check_positive, word_embedding


def encoder_decoder(
    vocabulary_size: int,
    symbols: int,
    length: int,
    preset: str | TextPreset = "paper",
    *,
    embeddings: np.ndarray | None = None,
    rank: Rank | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return a model of a GRU that reads a text and one that writes symbols from its last state.

    As in Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder", the
    writer reads the summary of the text at every step. It does not read the symbols that it wrote,
    so that all of them come from one call. Nothing is masked: train with ids of one length, and
    with a symbol for the end, or `sample_weight`, where targets are shorter than `length`.

    Args:
        vocabulary_size, preset, embeddings, rank, seed: as in `lstm`.
        symbols: number of scores of each step.
        length: steps that are written.

    Returns:
        A Sequential model, not compiled: ids `(batch, words)` to logits `(batch, length, symbols)`.

    Raises:
        ValueError: for arguments that are impossible or do not fit each other.

    Example:

    >>> encoder_decoder(1000, 30, 12, "small").output_shape
    (None, 12, 30)
    """
    chosen = preset_of("encoder_decoder", preset)
    check_positive("encoder_decoder", "symbols", symbols)
    check_positive("encoder_decoder", "length", length)
    words = word_embedding(
        "encoder_decoder",
        vocabulary_size,
        chosen.width,
        embeddings=embeddings,
        rank=rank,
        mask_zero=False,
        seed=seed,
    )
    parts = Parts(chosen, seed)
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="ids"),
            words,
            *parts.dropout(),
            parts.recurrent(keras.layers.GRU, "encoder"),
            keras.layers.RepeatVector(length, name="summary"),
            parts.recurrent(keras.layers.GRU, "decoder", return_sequences=True),
            *parts.dropout(),
            parts.dense(symbols, None, "scores"),
        ],
        name="encoder_decoder",
    )
