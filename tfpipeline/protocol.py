"""What a layer tells the exporter and the compressor about itself.

A layer takes part by offering methods, never by being listed somewhere:

* **export**: `export_step() -> RecurrentStep` describes one recurrent step in plain numpy arrays.
  A layer that makes its weights in its call offers `folded_call()`, which returns the call at
  inference as a function of the inputs, with the numbers that a file shall hold as constants.
* **compression**: `factors() -> tuple[Factor, ...]` names the layer's factored matrices, where a
  `Factor.argument` is the constructor argument (and the attribute) that holds that matrix's rank;
  `with_ranks(**ranks)` returns a new, unbuilt layer of the same configuration with other ranks,
  keyed by those arguments; `collapse()` returns the built Keras layer that computes the same
  function with plain kernels.

This module does not need Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """Layer normalization of both products of a recurrent step, before the biases.

    Args:
        gains: float32 `(2, gates * units)`, of the products with the kernel and with the recurrent
            kernel; each gate's part is normalized by itself.
        epsilon: added to variances.
    """

    gains: np.ndarray
    epsilon: float


@dataclass(frozen=True, eq=False)
class RecurrentStep:
    """One step of a recurrent layer, with its weights as float32 arrays in Keras' orientation.

    Args:
        cell: name of the cell, such as `"gru"`.
        units: width of the state.
        kernel: `(W,)` with `W` of shape `(features, gates * units)`, or the factors
            `(left, right)` of shapes `(features, rank)` and `(rank, gates * units)`. Gates lie in
            Keras' order: z, r, h of a GRU, i, f, c, o of an LSTM.
        recurrent_kernel: the same for the state, with `units` rows; `()` for a cell without one.
        bias: shape `(rows, gates * units)`: one row that is added to the sum of both products, or
            row 0 for the input part and row 1 for the state part.
        activation: registered Keras name of the candidate's activation.
        recurrent_activation: registered Keras name of the gates' activation; None for a cell that
            has no such gate.
        return_sequences, return_state, go_backwards, stateful: as in `keras.layers.GRU`.
        projection: None, or the matrix `(units, rank)` by which the output is multiplied on its way
            out (the state is not); it is the left factor of the recurrent kernel.
        attributes: what belongs to this kind of cell only, by the argument's name, such as
            `reset_after` of a GRU.
        layer_norm: None, or how the products are normalized at every step.
    """

    cell: str
    units: int
    kernel: tuple[np.ndarray, ...]
    recurrent_kernel: tuple[np.ndarray, ...]
    bias: np.ndarray
    activation: str
    recurrent_activation: str | None
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    projection: np.ndarray | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    layer_norm: LayerNorm | None = None


@dataclass(frozen=True, eq=False)
class Factor:
    """A factored matrix: `left` `(rows, rank)` times `right` `(rank, columns)`.

    Args:
        name: the matrix within its layer, such as `"recurrent_kernel"`.
        argument: the layer's argument and attribute that sets the rank of this matrix.
        left: Keras variable.
        right: Keras variable.
        gate: index of its gate, where `argument` holds a list of one rank a gate; else None.
        projects_output: whether `left` also projects the layer's output, whose width then is the
            rank.
    """

    name: str
    argument: str
    left: Any
    right: Any
    gate: int | None = None
    projects_output: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the product."""
        return int(self.left.shape[0]), int(self.right.shape[1])

    @property
    def rank(self) -> int:
        return int(self.left.shape[1])

    @property
    def parameters(self) -> int:
        """Numbers stored in both factors."""
        return self.rank * sum(self.shape)

    @property
    def dense_parameters(self) -> int:
        """Numbers that the unfactored matrix would hold."""
        return self.shape[0] * self.shape[1]


@runtime_checkable
class Exportable(Protocol):
    """A recurrent layer that can describe its step."""

    def export_step(self) -> RecurrentStep: ...


@runtime_checkable
class Factored(Protocol):
    """A layer whose matrices are products."""

    built: bool

    def factors(self) -> tuple[Factor, ...]: ...

    def collapse(self) -> Any: ...

    def with_ranks(self, **ranks: Any) -> Any: ...
