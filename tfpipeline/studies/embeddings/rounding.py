"""A trained model with its matrices rounded to a few bits, and the bytes that they then take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers import FactoredEmbedding
from tfpipeline.studies.embeddings.few_bits import rounded_rows

_TABLES = (keras.layers.Embedding, FactoredEmbedding)
_SCALE_BYTES = 4
_LEFT = "embeddings_left"


@contextmanager
def rounded(model: keras.Model, bits: int, table_only: bool) -> Iterator[None]:
    """Round matrices in place for as long as the block lasts.

    A table has a scale a row, and a kernel one an output. The left one of two factors has a scale a
    column in 8 bits, which costs nothing, as it is multiplied into the right one. With fewer bits
    that loses too much, since rows differ in length, and it has a scale a row too.

    Args:
        model: trained.
        bits: see `rounded_rows`.
        table_only: whether kernels stay as they are.
    """
    before = []
    for weight in _matrices(model, table_only):
        values = np.asarray(ops.convert_to_numpy(weight))
        before.append((weight, values))
        if _has_scales_of_rows(weight, bits):
            weight.assign(rounded_rows(values, bits))
        else:
            weight.assign(rounded_rows(values.T, bits).T)
    try:
        yield
    finally:
        for weight, values in before:
            weight.assign(values)


def stored_bytes(model: keras.Model, bits: int, table_only: bool) -> int:
    """Return the bytes of all weights so rounded, scales and maps of ids included."""
    few = {id(weight) for weight in _matrices(model, table_only)}
    total = 0
    for weight in model.weights:
        values = np.asarray(ops.convert_to_numpy(weight))
        if id(weight) not in few:
            total += values.nbytes
            continue
        total += -(-values.size * bits // 8)
        rows, columns = values.shape
        if bits < 16 and _has_scales_of_rows(weight, bits):
            total += _SCALE_BYTES * rows
        elif bits < 16 and weight.name != _LEFT:
            total += _SCALE_BYTES * columns
    return total


def _has_scales_of_rows(weight: Any, bits: int) -> bool:
    return bool(weight.name == "embeddings" or (weight.name == _LEFT and bits < 8))


def _matrices(model: keras.Model, table_only: bool) -> list[Any]:
    tables = [layer for layer in model._flatten_layers() if isinstance(layer, _TABLES)]
    owners = tables if table_only else [model]
    return [
        weight
        for owner in owners
        for weight in owner.weights
        if len(weight.shape) == 2 and weight.name not in ("bias", "row_of")
    ]
