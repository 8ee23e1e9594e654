"""What the entries of an output's last axis are: probabilities, logits, or no scores of classes.

Who reads scores must know it (a softmax of probabilities is wrong), and so must who compares two
sets of them: the largest entry is an answer of a classifier, and means nothing in a spectrum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from tfpipeline.export.last_activation import (
    CONCATENATED,
    LINEAR,
    LOG_SOFTMAX,
    SIGMOID,
    SOFTMAX,
    UNKNOWN,
    last_activations,
)
from tfpipeline.export.losses_of_outputs import CLASSES, ENTRIES, LossKind, losses_of_outputs
from tfpipeline.export.signature import ModelSignature, Samples

PROBABILITIES, INDEPENDENT, LOGITS = "probabilities", "independent", "logits"
"""Softmax as the last activation; sigmoid; linear scores of classes."""

_SUM_TOLERANCE = 1e-3
"""Softmax in float16 sums to 1 within this."""


@dataclass(frozen=True)
class Scores:
    """What the entries of an output are.

    Args:
        kind: "probabilities" that sum to 1, "independent" probabilities, "logits" of classes, or
            None: no scores of classes, or unknown.
        choice: Whether the largest entry is the model's answer; None where nothing says so.
    """

    kind: str | None
    choice: bool | None


def scores_of_outputs(
    model: keras.Model,
    signature: ModelSignature,
    labels: Sequence[str] | None = None,
    outputs: Samples | None = None,
) -> dict[str, Scores]:
    """What each output's entries are, by the output's name.

    The last activation decides, then what the user says: `labels` name the classes of a single
    output, a compiled loss of regression makes it none. Of what hides in a `Lambda` or a subclassed
    model the values themselves show whether they are probabilities.

    Args:
        model: The Keras model.
        signature: Its outputs.
        labels: Names of the entries of a single output, as passed to `export()`.
        outputs: Keras' values, by name.
    """
    names = [port.name for port in signature.outputs]
    activations = last_activations(model) or [UNKNOWN] * len(names)
    losses = losses_of_outputs(model, len(names))
    named = labels is not None and len(names) == 1
    return {
        name: _scores(activation, loss, named, None if outputs is None else outputs.get(name))
        for name, activation, loss in zip(names, activations, losses, strict=True)
    }


def kinds(scores: Mapping[str, Scores]) -> dict[str, str | None]:
    """The kinds alone, as the model card has them: of what may be logits or not it says nothing."""
    return {
        name: one.kind
        for name, one in scores.items()
        if one.kind is not None or one.choice is not None
    }


def _scores(
    activation: str, loss: LossKind | None, named: bool, values: np.ndarray | None
) -> Scores:
    if activation == SOFTMAX or (values is not None and _sum_to_one(values)):
        return Scores(PROBABILITIES, True)
    if activation == SIGMOID:
        return Scores(INDEPENDENT, named or (loss is not None and loss.what == CLASSES))
    if activation == UNKNOWN and loss is not None and loss.from_logits is False:
        if loss.what == CLASSES:
            return Scores(PROBABILITIES, True)
        if loss.what == ENTRIES:
            return Scores(INDEPENDENT, named)
    if loss is not None and loss.what != CLASSES:
        return Scores(None, False)
    if activation == LOG_SOFTMAX:
        return Scores(LOGITS, True)
    if named or loss is not None:
        plain = activation in (LINEAR, UNKNOWN, CONCATENATED)
        from_logits = named or (loss is not None and loss.from_logits is True)
        return Scores(LOGITS if plain and from_logits else None, True)
    # A spectrum of ReLUs, a vector of tanh, several heads side by side: no scores of classes.
    return Scores(None, None if activation in (LINEAR, UNKNOWN) else False)


def _sum_to_one(values: np.ndarray) -> bool:
    if values.ndim < 2 or values.shape[-1] < 2 or values.dtype.kind != "f" or not values.size:
        return False
    within = values.min() >= 0.0 and values.max() <= 1.0 + _SUM_TOLERANCE
    return bool(within and np.abs(values.sum(axis=-1) - 1.0).max() <= _SUM_TOLERANCE)
