"""What the entries of an output's last axis are: probabilities, logits, or no scores of classes.

Who reads scores must know it (a softmax of probabilities is wrong), and so must who compares two
sets of them: the largest entry is an answer of a classifier, and means nothing in a spectrum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.trace.last_activation import (
    CONCATENATED,
    LINEAR,
    LOG_SOFTMAX,
    SIGMOID,
    SOFTMAX,
    UNKNOWN,
    last_activations,
)
from tfpipeline.export.trace.losses_of_outputs import (
    CLASSES,
    ENTRIES,
    VALUES,
    LossKind,
    losses_of_outputs,
)
from tfpipeline.export.verify.relative_error import channels_of

PROBABILITIES, INDEPENDENT, LOGITS = "probabilities", "independent", "logits"
"""Softmax as the last activation; sigmoid; linear scores of classes."""

_SUM_TOLERANCE = 1e-3
"""Softmax in float16 sums to 1 within this."""
_MOST_UNLIKE = 30.0
"""Logits of two classes hardly deviate by more different amounts."""


@dataclass(frozen=True)
class Scores:
    """What the entries of an output are.

    Args:
        kind: "probabilities" that sum to 1, "independent" probabilities, "logits" of classes, or
            None: no scores of classes, or unknown.
        choice: Whether the largest entry is the model's answer; None where nothing says so.
        comparable: Whether entries are compared with each other or with one threshold, so that an
            error matters as much in each of them.
    """

    kind: str | None
    choice: bool | None
    comparable: bool = False

    @property
    def may_choose(self) -> bool:
        """Whether the largest entry is, or may be, an answer."""
        return self.choice is not False


def scores_of_outputs(
    model: keras.Model,
    signature: ModelSignature,
    labels: Sequence[str] | None = None,
    outputs: Samples | None = None,
) -> dict[str, Scores]:
    """Return what each output's entries are, by the output's name.

    The last activation decides, then what the user says: `labels` name the classes of a single
    output, a compiled loss of regression makes it none. Of what hides in a `Lambda` or a subclassed
    model the values themselves show whether they are probabilities.

    Args:
        model: The Keras model.
        signature: Its outputs.
        labels: Names of the entries of a single output, as passed to `export()`.
        outputs: Keras' values, by name.
    """
    names = [spec.name for spec in signature.outputs]
    activations = last_activations(model) or [UNKNOWN] * len(names)
    losses = losses_of_outputs(model, len(names))
    named = labels is not None and len(names) == 1
    return {
        name: _scores(activation, loss, named, None if outputs is None else outputs.get(name))
        for name, activation, loss in zip(names, activations, losses, strict=True)
    }


def kinds(scores: Mapping[str, Scores]) -> dict[str, str | None]:
    """Return the kinds alone, as model cards have them: nothing of what may be logits or not."""
    return {
        name: one.kind
        for name, one in scores.items()
        if one.kind is not None or one.choice is not None
    }


def _scores(
    activation: str, loss: LossKind | None, named: bool, values: np.ndarray | None
) -> Scores:
    if activation == SOFTMAX or (values is not None and _sum_to_one(values)):
        return Scores(PROBABILITIES, choice=True, comparable=True)
    taken = None if loss is None else loss.what
    if activation == SIGMOID:
        return _independent(named, taken)
    if activation == UNKNOWN and loss is not None and loss.from_logits is False:
        if taken == CLASSES:
            return Scores(PROBABILITIES, choice=True, comparable=True)
        return _independent(named, taken)
    if taken in (ENTRIES, VALUES):
        return Scores(None, choice=False, comparable=taken == ENTRIES)
    if activation == LOG_SOFTMAX:
        return Scores(LOGITS, choice=True, comparable=True)
    if named or taken == CLASSES:
        plain = activation in (LINEAR, UNKNOWN, CONCATENATED)
        from_logits = named or (loss is not None and loss.from_logits is True)
        alike = taken == CLASSES or values is None or _move_alike(values)
        return Scores(LOGITS if plain and from_logits else None, choice=True, comparable=alike)
    # A spectrum of ReLUs, a vector of tanh, several heads side by side: no scores of classes.
    return Scores(None, choice=None if activation in (LINEAR, UNKNOWN) else False)


def _independent(named: bool, taken: str | None) -> Scores:
    """Return scores of independent probabilities: tags of what is heard, or gains of a mask."""
    tags = named or taken in (CLASSES, ENTRIES)
    return Scores(INDEPENDENT, choice=named or taken == CLASSES, comparable=tags)


def _move_alike(values: np.ndarray) -> bool:
    """Whether channels that the user named may be classes: not a pressure and a temperature."""
    deviations = channels_of(values).std(axis=0)
    return bool(deviations.max() <= _MOST_UNLIKE * deviations.min())


def _sum_to_one(values: np.ndarray) -> bool:
    if values.ndim < 2 or values.shape[-1] < 2 or values.dtype.kind != "f" or not values.size:
        return False
    within = values.min() >= 0.0 and values.max() <= 1.0 + _SUM_TOLERANCE
    return bool(within and np.abs(values.sum(axis=-1) - 1.0).max() <= _SUM_TOLERANCE)
