"""The caller's own functions and objects in a configuration, without registration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.layers.copying import is_own

# An object, its attribute, and what it shall hold for a while.
Change = tuple[Any, str, Any]


@contextmanager
def changed(changes: Iterable[Change]) -> Iterator[None]:
    """Set attributes for as long as the block lasts."""
    changes = list(changes)
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


@contextmanager
def own_objects(model: keras.Model) -> Iterator[None]:
    """Let layers write configurations from which Keras makes them again with the same objects.

    A configuration names functions, and Keras finds a name again only when the function is its own
    or registered; it takes a function of the caller's that is called `relu` for its own one, and
    makes lambdas again without the globals they need. Here each such object of a layer is replaced
    by a stand-in with a name of its own, which stands for that object when the configuration is
    read. Models leave out what `compile` was given.
    """
    named: dict[str, Any] = {}
    changes: list[Change] = []
    for layer in model._flatten_layers():
        _add_class(named, type(layer))
        if isinstance(layer, keras.Model):
            if layer.compiled:
                changes.append((layer, "compiled", False))
            continue
        for attribute, value in list(vars(layer).items()):
            if is_own(value) and not _is_method(layer, attribute):
                name = f"tfpipeline_own_{len(changes)}"
                named[name] = value
                changes.append((layer, attribute, _stand_in(value, name)))
                # Wrappers that write a layer out once more find the object itself there.
                own_name = getattr(value, "__name__", "<lambda>")
                if not hasattr(keras.activations, own_name):
                    named.setdefault(own_name, value)
    with changed(changes), keras.saving.custom_object_scope(named):
        yield


def _add_class(named: dict[str, Any], kind: type) -> None:
    if kind.__module__.partition(".")[0] == "keras":
        return
    name = keras.saving.get_registered_name(kind)
    if named.setdefault(name, kind) is not kind:
        raise CompressionError(
            f"`model` must not have layers of two classes that Keras cannot tell apart; two are "
            f"called {name!r}: register one with keras.saving.register_keras_serializable."
        )


def _is_method(layer: Any, attribute: str) -> bool:
    """Whether Keras has put a wrapper of a method there."""
    return callable(getattr(type(layer), attribute, None))


def _stand_in(value: Any, name: str) -> Callable[..., Any]:
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        return value(*args, **kwargs)

    stand_in.__name__ = stand_in.__qualname__ = name
    return stand_in
