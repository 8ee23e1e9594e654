"""The acoustic model that Kliegl et al. compress: a forward-only Deep Speech 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tfpipeline.layers import FactoredDense, FactoredGRU
from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.models.open_gates import open_update_gates

# (time, frequency) of the two convolutions over a linear spectrogram of 161 bands.
_KERNELS = ((11, 41), (11, 21))
_STRIDES = ((2, 2), (1, 2))


def ds2(
    num_symbols: int = 29,
    num_features: int = 80,
    units: Sequence[int] = (768, 1024, 1280),
    dense: int = 1536,
    filters: Sequence[int] = (32, 32),
    kernels: Sequence[tuple[int, int]] | None = None,
    *,
    mel: bool = True,
    fast: bool = False,
    factored: bool = True,
    rank: Rank = "full",
    joint: str = "partial",
    regularizers: Mapping[str, Any] | None = None,
    memory_frames: float = 1.0,
    seed: int = 0,
) -> keras.Model:
    """Return a model of two convolutions, recurrent layers of growing width, and scores of symbols.

    Kliegl et al. (2018), section 3.2 and appendix B, after Deep Speech 2 (Amodei et al. 2016).
    Every layer looks back only, so that the model streams: `(batch, frames, num_features)` to
    logits `(batch, output frames, num_symbols)`, where the number of output frames is that of
    `output_frames`. The published widths have 19.6 M parameters in the kernels of the GRU and dense
    layers, and 26.5 M in their factors at full rank, which is the default. With `fast=True` the
    convolutions give 1,280 numbers a frame instead of 640, and those are 21.0 M and 29.2 M: the
    paper's stage-1 models have 21.7 M and 29.8 M in all.

    Args:
        num_symbols: with the blank of CTC.
        num_features: bands of a frame.
        units: width of each GRU layer; the default grows, because later layers need higher ranks.
        dense: width of the dense layer behind them.
        filters: of each convolution.
        kernels: `(time, frequency)` of each convolution; None takes `(11, 41)` and `(11, 21)`, with
            half of the frequencies when `mel`.
        mel: whether the bands are mel bands, about half as many as those of a spectrogram.
        fast: the second convolution has twice the filters and also halves the time steps, as the
            paper does beside Gram-CTC.
        factored: whether GRU and dense layers are the factored ones; False takes Keras' own.
        rank, joint: of the factored layers; see `tfpipeline.layers.FactoredGRU`.
        regularizers: what `tfpipeline.regularizers.kernel_regularizers` gives; the dense layer has
            that of the kernels which are not recurrent.
        memory_frames: the update gates start open for spans of up to this many steps; see
            `keyword_gru`.
        seed: of all initializers.

    Raises:
        ValueError: for other than two convolutions, no GRU layer, or a rank that does not fit.

    Example:

    >>> model = ds2(units=(32, 40), dense=48, filters=(4, 4))
    >>> model.output_shape
    (None, None, 29)
    """
    if not units:
        raise ValueError("`units` must name the width of at least one GRU layer; received none.")
    if kernels is None:
        kernels = [(time, band // 2 + 1 if mel else band) for time, band in _KERNELS]
    if len(filters) != 2 or len(kernels) != 2:
        raise ValueError(
            f"`filters` and `kernels` must have two entries, one a convolution; received "
            f"{len(filters)} and {len(kernels)}."
        )
    chosen = dict(regularizers or {"kernel_regularizer": None, "recurrent_regularizer": None})
    form: dict[str, Any] = {"rank": rank} if factored else {}
    joint_form: dict[str, Any] = {"joint": joint} if factored else {}
    gru, fully_connected = (
        (FactoredGRU, FactoredDense) if factored else (keras.layers.GRU, keras.layers.Dense)
    )

    features = keras.Input((None, num_features), name="features")
    x = keras.layers.Reshape((-1, num_features, 1))(features)
    for index, (time, band) in enumerate(kernels):
        grown = 2 if fast and index else 1
        strides = (_STRIDES[index][0] * grown, _STRIDES[index][1])
        past = ((time - 1, 0), ((band - 1) // 2, band // 2))
        x = keras.layers.ZeroPadding2D(past, name=f"past_{index + 1}")(x)
        x = keras.layers.Conv2D(
            filters[index] * grown,
            (time, band),
            strides=strides,
            use_bias=False,
            kernel_initializer=keras.initializers.GlorotUniform(seed=1000 * seed + 900 + index),
            name=f"conv_{index + 1}",
        )(x)
        x = keras.layers.BatchNormalization(name=f"normalized_{index + 1}")(x)
        x = keras.layers.ReLU(max_value=20.0, name=f"clipped_{index + 1}")(x)
    x = keras.layers.Reshape((-1, x.shape[2] * x.shape[3]))(x)
    for index, width in enumerate(units):
        first_seed = 1000 * seed + 10 * index
        layer = gru(
            width,
            return_sequences=True,
            kernel_initializer=keras.initializers.GlorotUniform(seed=first_seed),
            recurrent_initializer=keras.initializers.Orthogonal(seed=first_seed + 1),
            name=f"gru_{index + 1}",
            **chosen,
            **form,
            **joint_form,
        )
        x = layer(x)
        open_update_gates(layer, memory_frames, np.random.default_rng(first_seed + 3))
    x = fully_connected(
        dense,
        activation="relu",
        kernel_initializer=keras.initializers.GlorotUniform(seed=1000 * seed + 998),
        kernel_regularizer=chosen["kernel_regularizer"],
        name="dense",
        **form,
    )(x)
    scores = keras.layers.Dense(
        num_symbols,
        kernel_initializer=keras.initializers.GlorotUniform(seed=1000 * seed + 999),
        name="scores",
    )(x)
    return keras.Model(features, scores, name="ds2")


def output_frames(frames: Any, *, fast: bool = False) -> Any:
    """Return how many output frames `ds2` gives for input frames, an integer or an array."""
    halved = -(-frames // 2)
    return -(-halved // 2) if fast else halved
