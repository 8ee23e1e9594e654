"""Carries compilation and optimizer state from a model to its compressed successor."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras

from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.fresh_optimizer import fresh_optimizer, wrapped_optimizers
from tfpipeline.layers.copying import take_over

Pairs = Iterable[tuple[Any, Any]]


def compile_like(old: keras.Model, new: keras.Model, kept: Pairs, replaced: Pairs = ()) -> None:
    """Compile `new` as `old` was, and copy the optimizer's state where it still applies.

    Slots are found by the variables that the optimizer itself was built for, and by no position in
    the model: those two differ as soon as a layer was frozen or the model was compiled again.

    Args:
        old: compiled model.
        new: its successor.
        kept: pairs of variables of `old` and `new` that are the same; their slots are copied, those
            of all other variables start again from zero, and a moving average of the weights from
            the weights. Iteration count and learning rate are copied.
        replaced: pairs of variables of which the second stands for the first; they share what was
            said of it by `exclude_from_weight_decay`.

    Raises:
        CompressionError: for an optimizer or a metric that cannot be made a second time.
    """
    settings = getattr(getattr(old, "_compile_config", None), "config", None)
    if settings is None:
        _leave_uncompiled(old)
        return
    settings = {name: _fresh_metrics(value) for name, value in settings.items()}
    optimizer = old.optimizer
    settings["optimizer"] = fresh_optimizer(optimizer)
    try:
        new.compile(**settings)
    except TypeError:
        _leave_uncompiled(old)
        return
    kept = list(kept)
    _exclude_alike(optimizer, new.optimizer, [*kept, *replaced])
    if not optimizer.built:
        return
    new.optimizer.build(new.trainable_variables)
    _start_averages(new.optimizer)
    _copy_state(optimizer, new.optimizer, {id(target): source for source, target in kept})


def _leave_uncompiled(old: keras.Model) -> None:
    warnings.warn(
        f"{type(old).__name__} has its own compile(): the smaller model is left uncompiled.",
        stacklevel=4,
    )


def _exclude_alike(old: Any, new: Any, pairs: list[tuple[Any, Any]]) -> None:
    """Say of the new variables what `exclude_from_weight_decay` said of the old ones."""
    for one, other in zip(wrapped_optimizers(old), wrapped_optimizers(new), strict=True):
        _exclude_alike(one, other, pairs)
    if hasattr(old, "_exclude_from_weight_decay"):
        excluded = [t for source, t in pairs if not old._use_weight_decay(_native(source))]
        new.exclude_from_weight_decay(var_list=excluded)


def _native(variable: Any) -> Any:
    """Return what the optimizer sees: TensorFlow's variable is named by its whole path."""
    return variable.value if keras.backend.backend() == "tensorflow" else variable


def _start_averages(optimizer: Any) -> None:
    """With `use_ema`, averages start at the weights: from zero they would soon replace them.

    Keras does so at iteration 0 only, and the iteration count carries over.
    """
    for inner in wrapped_optimizers(optimizer):
        _start_averages(inner)
    if optimizer.use_ema and optimizer.built:
        for variable, average in zip(
            optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
        ):
            if average is not None:
                take_over(average, variable)


def _copy_state(old: Any, new: Any, source_of: Mapping[int, Any]) -> None:
    """Copy counters, learning rate and slots.

    Args:
        old, new: optimizers of one class.
        source_of: the old variable by the id of the new one, where they are the same.
    """
    for one, other in zip(wrapped_optimizers(old), wrapped_optimizers(new), strict=True):
        _copy_state(one, other, source_of)
    place = {id(variable): index for index, variable in enumerate(old._trainable_variables)}
    sources = [place.get(id(source_of.get(id(variable)))) for variable in new._trainable_variables]
    known = set()
    for name, target in vars(new).items():
        source = vars(old).get(name)
        if isinstance(target, keras.Variable):
            known.add(id(target))
            _take_over_if_alike(target, source)
        elif isinstance(target, list) and name not in ("_variables", "_trainable_variables"):
            # A kind of slot: a list in the order of the optimizer's variables, None for no slot.
            slots = [slot for slot in target if isinstance(slot, keras.Variable)]
            if slots and len(target) == len(sources):
                known |= {id(slot) for slot in slots}
                for index, slot in zip(sources, target, strict=True):
                    if index is not None and isinstance(source, list):
                        _take_over_if_alike(slot, source[index])
    lost = [variable.path for variable in new._variables if id(variable) not in known]
    if lost:
        warnings.warn(
            f"{type(new).__name__} keeps its state in other ways than Keras' optimizers: "
            f"{', '.join(lost)} start again.",
            stacklevel=4,
        )


def _take_over_if_alike(target: Any, source: Any) -> None:
    if isinstance(source, keras.Variable) and target is not None and target.shape == source.shape:
        take_over(target, source)


def _fresh_metrics(value: Any) -> Any:
    """Return metrics of its own for a model: they count, so two models must not share them."""
    if isinstance(value, keras.metrics.Metric):
        try:
            return type(value).from_config(value.get_config())
        except Exception as error:  # whatever a class of the user's raises
            raise CompressionError(
                f"The metric {value.name!r} must be one that its own get_config() makes again, "
                f"since the smaller model gets one of its own; {type(value).__name__} is not: "
                f"register what it is made of with keras.saving.register_keras_serializable."
            ) from error
    if isinstance(value, dict):
        return {key: _fresh_metrics(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fresh_metrics(item) for item in value]
    return value
