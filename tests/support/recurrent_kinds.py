"""The recurrent layers that the tests of the Keras side go through, each beside its Keras twin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.layers import FactoredGRU, FactoredGRUCell, FactoredLSTM, FactoredLSTMCell

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
    """One recurrent layer: Keras' class, ours, our cell, and the letters of the gates."""

    plain: Any
    factored: Any
    cell: Any
    letters: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def gates(self) -> int:
        return len(self.letters)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2, 36) if self.plain is keras.layers.GRU else (48,)

    def layer(self, units: int = 12, **options: Any) -> Any:
        return self.factored(units, **seeded(**self.options, **options))

    def twin(self, units: int = 12, **options: Any) -> Any:
        return self.plain(units, **seeded(**self.options, **options))


GRU = Kind(keras.layers.GRU, FactoredGRU, FactoredGRUCell, "zrh")
RESET_BEFORE = Kind(keras.layers.GRU, FactoredGRU, FactoredGRUCell, "zrh", {"reset_after": False})
LSTM = Kind(keras.layers.LSTM, FactoredLSTM, FactoredLSTMCell, "ifco")

KIND = pytest.mark.parametrize("kind", [GRU, LSTM], ids=["gru", "lstm"])
ANY_KIND = pytest.mark.parametrize(
    "kind", [GRU, RESET_BEFORE, LSTM], ids=["gru", "reset_before", "lstm"]
)
