"""The arguments of a constructor, with those that it hands on."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import Parameter, Signature, signature
from typing import Any

import keras

_OPEN = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def arguments_of(kind: type) -> dict[str, Parameter]:
    """Return the named arguments of a class, those of its bases included where it hands them on.

    Args:
        kind: a class below `keras.layers.Layer`, whose own arguments (`name`, `dtype`, ...) are
            left out.
    """
    found: dict[str, Parameter] = {}
    for base in kind.__mro__:
        if base is keras.layers.Layer:
            break
        if "__init__" not in vars(base):
            continue
        _, *own = signature(vars(base)["__init__"]).parameters.values()
        for parameter in own:
            if parameter.kind not in _OPEN:
                found.setdefault(parameter.name, parameter)
        if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in own):
            break
    return found


def signature_of(*groups: Iterable[Parameter]) -> Signature:
    """Return the signature of a constructor that takes all of these, each once, and `**kwargs`."""
    named: dict[str, Parameter] = {}
    for parameter in (parameter for group in groups for parameter in group):
        named.setdefault(parameter.name, parameter)
    ordered = sorted(named.values(), key=lambda parameter: parameter.kind)
    return Signature([*ordered, Parameter("kwargs", Parameter.VAR_KEYWORD)])


def bind(to: Signature, args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return what was given by the arguments' names.

    Raises:
        TypeError: as any call, for an argument that is missing or given twice.
    """
    given = dict(to.bind(*args, **options).arguments)
    others = given.pop("kwargs", {})
    return {**given, **others}
