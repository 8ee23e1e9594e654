"""The recurrent layers that the tests of the Keras side go through, each beside its Keras twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.layers import TWINS
from tfpipeline.numerics.cells import CELLS

# Two float32 matrix products in place of one, over nine recurrent steps.
TOLERANCE = 2e-6


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def seeded(**options: Any) -> dict[str, Any]:
    """Options that give Keras' layer and ours the same start."""
    return {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=1),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=2),
        "bias_initializer": keras.initializers.RandomNormal(seed=3),
        "seed": 4,
        **options,
    }


@dataclass(frozen=True)
class Kind:
    """One recurrent layer: Keras' class, ours, the letters of the gates, attributes of its step.

    Args:
        plain: the layer of Keras.
        factored: ours.
        letters: of the gates.
        attributes: of the exported step, and arguments of both layers.
        bias: shape of the bias of 12 units.
        gate_activation: whether it has one.
    """

    plain: Any
    factored: Any
    letters: str
    bias: tuple[int, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    gate_activation: bool = True

    @property
    def cell(self) -> Any:
        return self.factored.CELL

    @property
    def gates(self) -> int:
        return len(self.letters)

    def layer(self, units: int = 12, **options: Any) -> Any:
        return self.factored(units, **self.options(**options))

    def twin(self, units: int = 12, **options: Any) -> Any:
        return self.plain(units, **self.options(**options))

    def options(self, **options: Any) -> dict[str, Any]:
        if not self.gate_activation:
            options.pop("recurrent_activation", None)
        return seeded(**self.attributes, **options)


def _kind(plain: Any, factored: Any, attributes: Mapping[str, Any]) -> Kind:
    twin = plain(12, **attributes)
    twin.build((None, None, 3))
    letters = "".join(gate.name for gate in CELLS[factored.CELL.KIND].gates)
    gate_activation = "recurrent_activation" in signature(plain).parameters
    return Kind(plain, factored, letters, tuple(twin.cell.bias.shape), attributes, gate_activation)


KINDS = {
    factored.CELL.KIND: _kind(plain, factored, CELLS[factored.CELL.KIND].requires)
    for plain, factored in TWINS.items()
    if hasattr(factored, "CELL")
}
GRU, LSTM = KINDS["gru"], KINDS["lstm"]
RESET_BEFORE = _kind(GRU.plain, GRU.factored, {"reset_after": False})
KINDS["reset_before"] = RESET_BEFORE

ANY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
MAIN_KINDS = {name: kind for name, kind in KINDS.items() if kind is not RESET_BEFORE}
KIND = pytest.mark.parametrize("kind", MAIN_KINDS.values(), ids=MAIN_KINDS)
