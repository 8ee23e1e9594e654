"""Runs a Keras model on samples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np

from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.trace.model_state import state_kept

_PREDICT_BATCH = 256

_Functions = dict[object, tuple[keras.Model, Any]]
_traced: ContextVar[_Functions | None] = ContextVar("traced_predictions", default=None)
_Predictions = dict[object, tuple[keras.Model, Samples]]
_predicted: ContextVar[_Predictions | None] = ContextVar("kept_predictions", default=None)


@contextmanager
def traced_once() -> Iterator[None]:
    """While open, `predict` traces a model once for samples of one shape, not at every call.

    The layers of the model must not change meanwhile; its weights may.
    """
    if _traced.get() is not None:
        yield
        return
    token = _traced.set({})
    try:
        yield
    finally:
        _traced.reset(token)


@contextmanager
def predicted_once() -> Iterator[None]:
    """While open, `predict` runs a model once on the same samples; its weights must not change."""
    token = _predicted.set({})
    try:
        with traced_once():
            yield
    finally:
        _predicted.reset(token)


def pack(signature: ModelSignature, values: Sequence[Any]) -> Any:
    """Return the inputs, in order, in the structure that the model is called with."""
    return keras.tree.pack_sequence_as(signature.structure, list(values))


def predict(model: keras.Model, signature: ModelSignature, samples: Samples) -> Samples:
    """Return Keras' outputs by name, float32 or, of decisions, booleans.

    The model is afterwards as it was, states of stateful layers included.
    """
    kept = _predicted.get()
    if kept is None:
        return _predict(model, signature, samples)
    key = (id(model), *(_digest(samples[spec.name]) for spec in signature.inputs))
    if key not in kept:
        kept[key] = (model, _predict(model, signature, samples))
    return {name: values.copy() for name, values in kept[key][1].items()}


def _digest(values: np.ndarray) -> tuple[object, ...]:
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    return values.shape, values.dtype.str, digest


def _predict(model: keras.Model, signature: ModelSignature, samples: Samples) -> Samples:
    functions = _traced.get()
    # Another length would make a graph for all lengths of it, which not every layer can be in.
    key = (id(model), *(samples[spec.name].shape[1:] for spec in signature.inputs))
    with state_kept(model):
        if functions is not None and key in functions:
            _, model.predict_function = functions[key]
        parts = _parts(model, signature, samples)
        if functions is not None:
            functions[key] = (model, model.predict_function)
    return {
        spec.name: np.concatenate([_real(part[i]) for part in parts])
        for i, spec in enumerate(signature.outputs)
    }


def _parts(model: keras.Model, signature: ModelSignature, samples: Samples) -> list[list[Any]]:
    count = len(next(iter(samples.values())))
    stateful = any(getattr(layer, "stateful", False) for layer in _layers(model))
    # A stateful model carries what one sample left into the next, and its batch size is fixed.
    size = 1 if stateful else count
    copies = (_fixed_batch(model) or 1) if stateful else 1
    if any(isinstance(layer, keras.layers.TimeDistributed) for layer in _layers(model)):
        # At its second length Keras 3.15 makes a graph for all, which fails in this layer.
        model.make_predict_function(force=True)
    parts = []
    for start in range(0, count, size):
        some = [samples[spec.name][start : start + size] for spec in signature.inputs]
        packed = pack(signature, [np.repeat(values, copies, axis=0) for values in some])
        if stateful:
            _reset_states(model)
            # Without a data set for each sample, which takes longer than a small model.
            found = model.predict_on_batch(packed)
        else:
            found = model.predict(packed, verbose=0, batch_size=min(size, _PREDICT_BATCH))
        parts.append([leaf[:size] for leaf in keras.tree.flatten(found)])
    return parts


def _fixed_batch(model: keras.Model) -> int | None:
    inputs = getattr(model, "inputs", None)
    size: int | None = inputs[0].shape[0] if inputs else None
    return size


def _real(leaf: Any) -> np.ndarray:
    values = np.asarray(leaf)
    return values if values.dtype.kind == "b" else values.astype(np.float32)


def _layers(model: keras.Model) -> list[Any]:
    return list(model._flatten_layers(include_self=False))


def _reset_states(model: keras.Model) -> None:
    for layer in _layers(model):
        if getattr(layer, "stateful", False):
            layer.reset_state()
