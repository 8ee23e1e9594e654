"""The recurrent layers that the tests of the Keras side go through, each beside its twin.

The twin is a layer of Keras, or one of `plain_layers` where Keras has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Any

import keras
import numpy as np
import plain_layers as plain
import pytest

from tfpipeline.layers import TWINS, UGRNN, FastGRNN, FastRNN
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
    """One recurrent layer: ours, its twin, the letters of the gates, attributes of its step.

    Args:
        plain: makes the twin.
        factored: ours.
        collapsed: the class of what ours collapses to.
        letters: of the gates.
        bias: shape of the bias of 12 units.
        scalars: how many weights come after the bias.
        arguments: of both layers.
        attributes: of the exported step.
        gate_activation: whether it has one.
    """

    plain: Callable[..., Any]
    factored: Any
    collapsed: Any
    letters: str
    bias: tuple[int, ...]
    scalars: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    gate_activation: bool = True

    @property
    def cell(self) -> Any:
        return self.factored.CELL

    @property
    def gates(self) -> int:
        return len(self.letters)

    @property
    def states(self) -> int:
        return len(CELLS[self.cell.KIND].states)

    def layer(self, units: int = 12, **options: Any) -> Any:
        return self.factored(units, **{"rank": "full", **self.options(**options)})

    def twin(self, units: int = 12, **options: Any) -> Any:
        return self.plain(units, **self.options(**options))

    def options(self, **options: Any) -> dict[str, Any]:
        if not self.gate_activation:
            options.pop("recurrent_activation", None)
        return seeded(**self.arguments, **options)

    def matrices(self, layer: Any) -> list[Any]:
        """The weights of a layer of ours before its bias."""
        return layer.weights[: -1 - self.scalars]


def _letters(factored: Any) -> str:
    return "".join(gate.name for gate in CELLS[factored.CELL.KIND].gates)


def _with_keras_twin(plain: Any, factored: Any, attributes: Mapping[str, Any]) -> Kind:
    twin = plain(12, **attributes)
    twin.build((None, None, 3))
    return Kind(
        plain,
        factored,
        collapsed=plain,
        letters=_letters(factored),
        bias=tuple(twin.cell.bias.shape),
        arguments=attributes,
        attributes=attributes,
        gate_activation="recurrent_activation" in signature(plain).parameters,
    )


def _own(cell: type[plain.PlainCell], factored: Any, bias: tuple[int, ...], **options: Any) -> Kind:
    return Kind(
        partial(plain.plain_layer, cell), factored, factored, _letters(factored), bias, **options
    )


TWIN_KINDS = {
    factored.CELL.KIND: _with_keras_twin(plain, factored, CELLS[factored.CELL.KIND].requires)
    for plain, factored in TWINS.items()
    if hasattr(factored, "CELL")
}
GRU, LSTM = TWIN_KINDS["gru"], TWIN_KINDS["lstm"]
RESET_BEFORE = _with_keras_twin(GRU.plain, GRU.factored, {"reset_after": False})

# The sigmoids of the logits 1, -4 and 3; a state that is kept as it comes.
ZETA, NU, BETA = 0.731058579, 0.017986210, 0.952574127
FREE = {"state_gain": 1.0, "state_offset": 0.0, "state_limit": 32768.0}
OWN_KINDS = {
    "fast_rnn": _own(
        plain.PlainFastRNNCell,
        FastRNN,
        (12,),
        scalars=2,
        attributes={"zeta": 0.0, "nu": BETA, **FREE},
        gate_activation=False,
    ),
    "fast_grnn": _own(
        plain.PlainFastGRNNCell,
        FastGRNN,
        (2, 12),
        scalars=2,
        attributes={"zeta": ZETA, "nu": NU, **FREE},
    ),
    "ugrnn": _own(plain.PlainUGRNNCell, UGRNN, (24,)),
}
FORMS = {
    "reset_before": RESET_BEFORE,
    "fast_rnn_vector": _own(
        plain.PlainVectorFastRNNCell,
        FastRNN,
        (12,),
        scalars=3,
        arguments={"vector_alpha": True, "h_clip": 0.6, "alpha_init": 0.5},
        attributes={"zeta": ZETA, "nu": NU, **FREE, "state_limit": 0.6},
        gate_activation=False,
    ),
    "fast_grnn_filtered": _own(
        plain.PlainFilteredFastGRNNCell,
        FastGRNN,
        (2, 12),
        scalars=4,
        arguments={"state_filter": True},
        attributes={"zeta": ZETA, "nu": NU, **FREE, "state_gain": 0.999},
    ),
}


def _each(kinds: Mapping[str, Kind]) -> Any:
    return pytest.mark.parametrize("kind", kinds.values(), ids=kinds)


# Every layer, and those that Keras has too; with all of their forms, or one of each.
KINDS = {**TWIN_KINDS, **OWN_KINDS}
KIND, ANY_KIND = _each(KINDS), _each({**KINDS, **FORMS})
TWIN = _each(TWIN_KINDS)
ANY_TWIN = _each({**TWIN_KINDS, "reset_before": RESET_BEFORE})
