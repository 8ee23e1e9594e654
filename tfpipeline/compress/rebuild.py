"""A second model from the configuration of the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras

from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.own_objects import own_objects
from tfpipeline.layers import TWINS, MappedRows
from tfpipeline.protocol import Factored

Pairs = list[tuple[Any, Any]]

# What a layer may gain or lose in a compression without becoming another one.
_AROUND = (*(kind.CELL.PLAIN for kind in TWINS.values() if hasattr(kind, "CELL")), MappedRows)


def rebuild(
    model: keras.Model, change: Callable[[Any], Any] | None = None, becomes: str = "changed"
) -> keras.Model:
    """Make `model` again, built, with fresh weights and not compiled.

    Args:
        model: built model; functions and classes of its layers need no registration.
        change: of the configuration before it is read.
        becomes: what the change makes of the model, for an error.

    Raises:
        CompressionError: for a model that its configuration does not give again, with the reason.
    """
    with own_objects(model):
        try:
            config = keras.saving.serialize_keras_object(model)
            config.pop("compile_config", None)
            # The configuration was made here, from the caller's own objects: any code in it is
            # theirs, Lambda layers included.
            again = keras.saving.deserialize_keras_object(
                config if change is None else change(config), safe_mode=False
            )
            if not again.built:
                again.build(model.input_shape)
        except CompressionError:
            raise
        except Exception as error:  # whatever a class of the user's raises
            if change is None:
                raise _not_rebuilt(model, error) from error
            rebuild(model)  # says so if the model itself is what cannot be made again
            raise CompressionError(
                f"{model.name!r} cannot be {becomes}: {_cause(error)}."
            ) from error
    return again


def _not_rebuilt(model: keras.Model, error: Exception) -> CompressionError:
    """Return what is wrong in a sentence: Keras' own is a page of the whole configuration."""
    who = f"{model.name!r}, a {type(model).__name__},"
    for layer in layers_of(model):
        try:
            type(layer).from_config(layer.get_config())
        except Exception as inner:  # whatever a class of the user's raises
            return CompressionError(
                f"`model` must have layers that their own get_config() makes again; {layer.name!r} "
                f"in {who} a {type(layer).__name__}, is not ({_cause(inner)}): complete its "
                f"get_config() and from_config(), and register its own functions and classes with "
                f"keras.saving.register_keras_serializable."
            )
    return CompressionError(
        f"`model` must be one that its configuration makes again; {who} is not "
        f"({_cause(error)}): use a Sequential or functional model, or complete get_config() "
        f"and from_config()."
    )


def _cause(error: Exception) -> str:
    """Return the first sentence of the cause, which Keras puts behind a page of configuration."""
    text = str(error).rpartition("Exception encountered: ")[2]
    sentence = " ".join(text.split()).partition(". ")[0] or repr(error)
    return sentence[:300].rstrip(" .")


def layers_of(model: keras.Model) -> Iterator[Any]:
    """Yield the layers in an order that does not depend on whether they are factored or mapped."""
    for layer in model._flatten_layers(include_self=False):
        if not isinstance(layer, _AROUND):
            yield layer


def layer_pairs(model: keras.Model, again: keras.Model) -> Pairs:
    """Return the layers of both models side by side.

    Raises:
        CompressionError: when the second has others, or when layers of the first share a variable
            and those of the second do not.
    """
    ours, theirs = list(layers_of(model)), list(layers_of(again))
    if len(ours) != len(theirs):
        raise CompressionError(
            f"`model` must be one that its configuration makes again; {model.name!r}, a "
            f"{type(model).__name__}, has {len(ours)} layers and came back with {len(theirs)}: use "
            f"a Sequential or functional model whose layers do not hold each other."
        )
    pairs = list(zip(ours, theirs, strict=True))
    _check_ties(model, pairs)
    return pairs


def copy_trainable(pairs: Pairs, variables: Pairs) -> None:
    """Freeze in the second model what is frozen in the first, and nothing else.

    Args:
        pairs: of layers, outer ones first.
        variables: pairs of variables.
    """
    for ours, theirs in pairs:
        if ours.trainable != theirs.trainable:
            theirs.trainable = ours.trainable
    for source, target in variables:
        if source.trainable != target.trainable:
            target.trainable = source.trainable


def _check_ties(model: keras.Model, pairs: Pairs) -> None:
    """Raise where one variable became two: the second would go on with another value."""
    seen: dict[int, tuple[Any, Any]] = {}
    for ours, theirs in pairs:
        counterparts = dict(_own_variables(theirs))
        for name, variable in _own_variables(ours):
            layer, first = seen.setdefault(id(variable), (ours, counterparts.get(name)))
            now = counterparts.get(name)
            if now is not first or (now is None and layer is not ours):
                raise CompressionError(
                    f"`model` must not have layers that share a variable, which a configuration "
                    f"does not say; {layer.name!r} and {ours.name!r} of {model.name!r} share "
                    f"{variable.path!r}: use one layer in both places."
                )


def _own_variables(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the variables that a layer itself holds, by where it holds them."""
    for name, value in vars(layer).items():
        if isinstance(value, keras.Variable):
            yield name, value
    if isinstance(layer, Factored) and layer.built:
        for factor in layer.factors():
            yield f"{factor.name}.left", factor.left
            yield f"{factor.name}.right", factor.right
