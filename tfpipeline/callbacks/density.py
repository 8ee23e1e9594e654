"""How many weights each kernel of a model keeps, and what its rows belong to."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from tfpipeline.arguments import is_number


def check_density(density: Any) -> float | dict[str, float]:
    """Return `density` if it is a share in (0, 1], or a dict from names to such."""
    shares = density.values() if isinstance(density, Mapping) else [density]
    if not shares or not all(is_number(share) and 0 < share <= 1 for share in shares):
        raise ValueError(
            f"`density` must be the share of weights that is kept, in (0, 1], or a dict from names "
            f"to such shares; received {density!r}."
        )
    return dict(density) if isinstance(density, Mapping) else float(density)


def densities(
    density: float | Mapping[str, float], variables: Mapping[str, Any]
) -> dict[str, float]:
    """Return the density of each variable, by name; 1 where a dict does not name it.

    Args:
        density: one for all, or by name: of a variable (`"gru/gru_cell/kernel"`, `"kernel_left"`),
            of a matrix, which stands for both of its factors (`"recurrent_kernel"`), or of a matrix
            in one layer (`"gru/recurrent_kernel"`); `*` stands for anything. The first that fits
            counts.
        variables: by their names in the model.

    Raises:
        ValueError: for a name that fits nothing.
    """
    if not isinstance(density, Mapping):
        return dict.fromkeys(variables, density)
    result = dict.fromkeys(variables, 1.0)
    used = set()
    for name, variable in variables.items():
        known = _names(name, variable)
        fitting = [one for one in density if any(fnmatchcase(own, one) for own in known)]
        used.update(fitting)
        if fitting:
            result[name] = density[fitting[0]]
    unknown = sorted(set(density) - used)
    if unknown:
        raise ValueError(
            f"`density` names {', '.join(map(repr, unknown))}; expected names, or parts of them, "
            f"out of {', '.join(map(repr, variables))}."
        )
    return result


def _names(name: str, variable: Any) -> set[str]:
    last = str(variable.name)
    matrix = last.removesuffix("_left").removesuffix("_right")
    parents = name.split("/")[:-1]
    owned = {f"{parent}/{one}" for parent in parents for one in (last, matrix)}
    return {name, last, matrix} | owned


def gate_counts(model: Any) -> dict[int, int]:
    """Return of how many gates' rows each kernel consists, by the variable's id; where known."""
    counts: dict[int, int] = {}
    for layer in model._flatten_layers():
        width = getattr(layer, "units", None) or getattr(layer, "filters", None)
        if not isinstance(width, int):
            continue
        for variable in layer._trainable_variables:
            outputs = variable.shape[-1] if len(variable.shape) > 1 else 0
            # The outputs of a left factor are its rank, whatever number that is.
            if outputs % width == 0 and not variable.name.endswith("_left"):
                counts[id(variable)] = max(1, outputs // width)
    return counts
