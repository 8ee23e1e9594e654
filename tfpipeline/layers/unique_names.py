"""Names for things of which some are called alike."""

from __future__ import annotations

from collections.abc import Iterable


def unique_names(names: Iterable[str]) -> list[str]:
    """The names in order, with `_1`, `_2`, ... at those that came before.

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
