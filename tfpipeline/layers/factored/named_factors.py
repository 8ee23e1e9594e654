"""The factored matrices of a model, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tfpipeline.protocol import Factor, Factored


def factored_layers(model: Any) -> Iterator[Any]:
    """Yield every built layer of `model` with factors, once, the outermost owner first.

    A layer inside a wrapper (`Bidirectional`, `TimeDistributed`, a nested model) is found too; the
    cell of a factored recurrent layer is not reported again beside its layer.
    """
    seen: set[int] = set()
    for layer in model._flatten_layers():
        if not isinstance(layer, Factored) or not layer.built:
            continue
        variables = {id(factor.left) for factor in layer.factors()}
        if variables and not variables & seen:
            seen |= variables
            yield layer


def named_factors(model: Any) -> Iterator[tuple[str, Any, Factor]]:
    """Yield `(name, layer, factor)` for every factored matrix; `name` is unique in the model."""
    layers = list(factored_layers(model))
    names = [layer.name for layer in layers]
    owners = unique_names(
        layer.name if names.count(layer.name) == 1 else layer.path for layer in layers
    )
    for own, layer in zip(owners, layers, strict=True):
        for factor in layer.factors():
            yield f"{own}/{factor.name}", layer, factor


def unique_names(names: Iterable[str]) -> list[str]:
    """Return the names in order, with `_1`, `_2`, ... at those that came before.

    Keras' paths tell apart what is in different parts of a model as it was built, but a model that
    is loaded or rebuilt has shorter ones.

    >>> unique_names(["gru", "dense", "gru"])
    ['gru', 'dense', 'gru_1']
    """
    found = list(names)
    taken = set(found)
    result: list[str] = []
    seen: set[str] = set()
    for name in found:
        unique, count = name, 0
        while unique in seen or (count and unique in taken):
            count += 1
            unique = f"{name}_{count}"
        seen.add(unique)
        result.append(unique)
    return result
