"""Objects of ours that arguments name, such as quantizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import keras

Object = TypeVar("Object")


def object_of(
    identifier: Any, kinds: Mapping[str, type[Object]], base: type[Object], argument: str
) -> Object | None:
    """Return what an argument names.

    Args:
        identifier: a key of `kinds`, a configuration as `config_of` gives it, an object of `base`,
            or None, which is returned as it is.
        kinds: classes by name.
        base: of all of them, in a package of this name of `tfpipeline`.
        argument: the user's, for the error.

    Raises:
        ValueError: it is none of these.
    """
    found = identifier
    if isinstance(identifier, str) and identifier in kinds:
        found = kinds[identifier]()
    elif isinstance(identifier, dict):
        found = keras.saving.deserialize_keras_object(identifier)
    if found is None or isinstance(found, base):
        return found
    package = ".".join(base.__module__.split(".")[:2])
    raise ValueError(
        f"`{argument}` must be one of {list(kinds)}, a {package}.{base.__name__} or None; received "
        f"{identifier!r}."
    )


def config_of(found: Any) -> Any:
    """Return the configuration of an object, for `object_of`; None of None."""
    return None if found is None else keras.saving.serialize_keras_object(found)
