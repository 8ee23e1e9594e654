"""A small causal keyword classifier of factored GRU layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from tfpipeline.layers import FactoredGRU
from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.open_gates import open_update_gates
from tfpipeline.regularizers import TraceNorm


def keyword_gru(
    num_labels: int,
    num_features: int = 40,
    units: Sequence[int] = (96, 96),
    rank: Rank = "full",
    trace_norm: tuple[float, float] | None = None,
    seed: int = 0,
    dropout: float = 0.0,
    memory_frames: float = 30.0,
) -> keras.Model:
    """Return a model of stacked `FactoredGRU` layers, and a `Dense` layer on the last state.

    The model is causal and advances frame by frame: `(batch, time, num_features)` to logits
    `(batch, num_labels)`.

    Args:
        num_labels: number of classes.
        num_features: features of a frame.
        units: width of each GRU layer, first to last.
        rank: rank of all kernels; see `FactoredGRU`.
        trace_norm: strengths of `TraceNorm` for the input kernels and for the recurrent kernels
            (lambda_nonrec, lambda_rec in Kliegl et al. 2018); None for no regularizer.
        seed: seed of all initializers and dropout.
        dropout: dropout of each GRU layer's inputs but the first's.
        memory_frames: the update gates start open for spans of up to this many frames; see
            `open_gates.py`. 1 starts them as Keras does. Without it the first epochs go into
            learning to remember.

    Raises:
        ValueError: when `units` is empty or `memory_frames` is below 1.

    Example:

    >>> model = keyword_gru(12, trace_norm=(1e-4, 3e-4))
    >>> model.output_shape
    (None, 12)
    """
    if not units:
        raise ValueError("`units` must name the width of at least one GRU layer; received none.")
    nonrec, rec = trace_norm if trace_norm is not None else (0.0, 0.0)
    model = keras.Sequential(
        [keras.Input((None, num_features), name="features")], name="keyword_gru"
    )
    for index, width in enumerate(units):
        first_seed = 1000 * seed + 10 * index
        layer = FactoredGRU(
            width,
            rank=rank,
            return_sequences=index < len(units) - 1,
            kernel_initializer=keras.initializers.GlorotUniform(seed=first_seed),
            recurrent_initializer=keras.initializers.Orthogonal(seed=first_seed + 1),
            kernel_regularizer=TraceNorm(nonrec) if nonrec else None,
            recurrent_regularizer=TraceNorm(rec) if rec else None,
            dropout=dropout if index else 0.0,
            seed=first_seed + 2,
            name=f"gru_{index + 1}",
        )
        model.add(layer)
        open_update_gates(layer, memory_frames, np.random.default_rng(first_seed + 3))
    model.add(
        keras.layers.Dense(
            num_labels,
            kernel_initializer=keras.initializers.GlorotUniform(seed=1000 * seed + 999),
            name="scores",
        )
    )
    return model
