"""What the compiled loss says of each output: classes, entries for themselves, or numbers."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

CLASSES, ENTRIES, VALUES = "classes", "entries", "values"
"""One class of all; each entry yes or no; numbers, as in a regression."""


@dataclass(frozen=True)
class LossKind:
    """What one loss takes.

    Args:
        what: "classes", "entries" or "values".
        from_logits: Whether scores are logits; None where the loss does not say so.
    """

    what: str
    from_logits: bool | None = None


_CLASSES = {"categorical_crossentropy", "sparse_categorical_crossentropy"}
_CLASSES |= {"categorical_focal_crossentropy", "kl_divergence", "kldivergence"}
_ENTRIES = {"binary_crossentropy", "binary_focal_crossentropy"}
_MARGINS = {"categorical_hinge"}
_VALUES = {
    *("mse", "mean_squared_error", "mae", "mean_absolute_error", "mape", "msle"),
    *("mean_absolute_percentage_error", "mean_squared_logarithmic_error", "huber", "log_cosh"),
    *("logcosh", "cosine_similarity", "poisson", "hinge", "squared_hinge"),
}


def losses_of_outputs(model: keras.Model, outputs: int) -> list[LossKind | None]:
    """Return what the loss of each output takes; None where there is none or nobody knows it."""
    given = getattr(model, "loss", None)
    if given is None:
        return [None] * outputs
    if isinstance(given, Mapping):
        names = getattr(model, "output_names", None) or []
        structure = getattr(model, "_outputs_struct", None)
        keys = sorted(structure) if isinstance(structure, Mapping) else []
        losses = [
            given.get(keys[i] if i < len(keys) else None, given.get(_nth(names, i)))
            for i in range(outputs)
        ]
    elif isinstance(given, list | tuple):
        losses = list(given) if len(given) == outputs else [None] * outputs
    else:
        losses = [given] * outputs
    return [_kind(loss) for loss in losses]


def _nth(names: list[str], i: int) -> str | None:
    return names[i] if i < len(names) else None


def _kind(loss: Any) -> LossKind | None:
    keywords: Mapping[str, Any] = {}
    if isinstance(loss, functools.partial):
        loss, keywords = loss.func, loss.keywords
    if isinstance(loss, str):
        name = loss
    elif isinstance(loss, keras.losses.Loss):
        name = type(loss).__name__
        keywords = getattr(loss, "_fn_kwargs", None) or {}
        if name == "LossFunctionWrapper":
            name = getattr(getattr(loss, "fn", None), "__name__", "")
    else:
        name = getattr(loss, "__name__", "")
    name = _snake(name)
    if name in ("ctc", "gram_ctc"):
        # Keras' and ours take logits.
        return LossKind(CLASSES, from_logits=True)
    if name in _CLASSES:
        return LossKind(CLASSES, bool(keywords.get("from_logits", False)))
    if name in _ENTRIES:
        return LossKind(ENTRIES, bool(keywords.get("from_logits", False)))
    if name in _MARGINS:
        return LossKind(CLASSES)
    return LossKind(VALUES) if name in _VALUES else None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
