"""A GRU layer whose two kernels are products of low-rank factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.layers.recurrent.factored_gru_cell import FactoredGRUCell
from tfpipeline.layers.recurrent.recurrent_layer import FactoredRecurrent


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredGRU(FactoredRecurrent, keras.layers.GRU):
    """Gated recurrent unit with factored kernels: the layer of `FactoredGRUCell`.

    It computes what `keras.layers.GRU` computes with `kernel = kernel_left @ kernel_right` and
    `recurrent_kernel` likewise, each shared by all gates (the partially joint form of Kliegl et al.
    2018, appendix B.2), and starts as that layer when the rank is full. The input projection runs
    for all time steps at once; each product is formed once a batch, outside the loop over time,
    where that is cheaper than multiplying by both factors. On a GPU with TensorFlow it uses cuDNN
    as Keras does.

    Args:
        units, activation, ..., use_cudnn: as in `keras.layers.GRU`. Regularizers and constraints of
            the kernels act on each of the two factors; see `tfpipeline.regularizers.TraceNorm`.
        rank: rank of the input kernel: `"full"` (default; `min(features, 3 * units)`), an int, or a
            float in (0, 1] as a fraction of that, rounded up.
        recurrent_rank: the same for the recurrent kernel, whose full rank is `units`; None takes
            `rank`.
        joint: which matrices share a factorization.
            `"partial"` (default): the gates of a kernel; one factorization for the input kernel,
            one for the recurrent kernel.
            `"split"`: none; one for each gate of each kernel. The full rank is that of one gate's
            matrix, and a rank may be a list of one rank a gate.
            `"all"`: everything; one for both kernels, which needs as many features as units.
            `"prabhavalkar"`: the recurrent kernel `P Z` and the input kernel `P Z'` of the next
            layer, after Prabhavalkar et al. (2016): this layer gives out `h P`, of width `rank`,
            and stores its own input kernel whole.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `(batch, units)`, or a list with that one tensor.
        mask: booleans `(batch, time)`; a masked step keeps the state.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank or `joint` that does not exist or does not fit the matrix.

    Example:

    >>> model = keras.Sequential([keras.Input((None, 40)), FactoredGRU(96, rank=0.25)])
    >>> model.predict(np.zeros((1, 98, 40)), verbose=0).shape
    (1, 96)
    """

    CELL = FactoredGRUCell
    PLAIN = keras.layers.GRU

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        *,
        rank: Rank | Sequence[Rank] = "full",
        recurrent_rank: Rank | Sequence[Rank] | None = None,
        joint: str = "partial",
        **kwargs: Any,
    ) -> None:
        cell = FactoredGRUCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            reset_after=reset_after,
            seed=seed,
            rank=rank,
            recurrent_rank=recurrent_rank,
            joint=joint,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="factored_gru_cell",
        )
        self.set_cell(
            cell,
            use_cudnn,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )

    def export_bias(self) -> np.ndarray:
        bias = np.zeros((2, 3 * self.units), np.float32)
        if self.use_bias:
            value = np.asarray(ops.convert_to_numpy(self.cell.bias), np.float32)
            bias[: value.ndim] = value
        return bias

    def export_attributes(self) -> dict[str, object]:
        return {"reset_after": self.cell.reset_after}
