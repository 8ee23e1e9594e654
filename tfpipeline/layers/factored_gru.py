"""A GRU layer whose two kernels are products of low-rank factors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.export_protocol import Factor, RecurrentStep
from tfpipeline.layers.factored_gru_cell import FactoredGRUCell
from tfpipeline.layers.factored_kernel import Rank


@keras.saving.register_keras_serializable(package="tfpipeline")
class FactoredGRU(keras.layers.GRU):
    """Gated recurrent unit with factored kernels: the layer of `FactoredGRUCell`.

    It computes what `keras.layers.GRU` computes with `kernel = kernel_left @ kernel_right` and
    `recurrent_kernel` likewise, each shared by all gates (the partially joint form of Kliegl et al.
    2018, section 2.3), and starts as that layer when the rank is full. The input projection runs
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
        joint: `"partial"`: one factorization per kernel.

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
        rank: Rank = "full",
        recurrent_rank: Rank | None = None,
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
        # GRU.__init__ would make its own, unfactored cell: start one class higher instead.
        keras.layers.RNN.__init__(
            self,
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.use_cudnn = use_cudnn
        # Keras decides between cuDNN and XLA in GRU.__init__: ask a twin that is never built.
        twin = keras.layers.GRU(
            1,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            unroll=unroll,
            reset_after=reset_after,
            use_cudnn=use_cudnn,
            name="cudnn_probe",
        )
        self._cudnn = not twin.supports_jit
        if self._cudnn:
            self.supports_jit = False

    @property
    def rank(self) -> Rank:
        return self.cell.rank

    @rank.setter
    def rank(self, rank: Rank) -> None:
        self.cell.rank = rank

    @property
    def recurrent_rank(self) -> Rank | None:
        return self.cell.recurrent_rank

    @recurrent_rank.setter
    def recurrent_rank(self, recurrent_rank: Rank | None) -> None:
        self.cell.recurrent_rank = recurrent_rank

    @property
    def joint(self) -> str:
        return self.cell.joint

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        if self._cudnn:
            return super().inner_loop(sequences, initial_state, mask, training=training)
        batch, time = sequences.shape[:2]
        rows = None if batch is None or time is None else batch * time
        # One matrix product for all time steps: the loop only carries the recurrent part.
        projected = self.cell.project_inputs(sequences, training, steps=rows)
        with self.cell.prepared(rows):
            return keras.layers.RNN.inner_loop(
                self, projected, initial_state, mask, training=training
            )

    def factors(self) -> tuple[Factor, ...]:
        """The two factored kernels; see `export_protocol`."""
        return self.cell.factors()

    def with_ranks(self, **ranks: int) -> FactoredGRU:
        """A new, unbuilt layer of the same configuration with other ranks."""
        return type(self).from_config({**self.get_config(), **ranks})

    def collapse(self) -> keras.layers.GRU:
        """The built `keras.layers.GRU` that computes the same function."""
        cell = self.cell.collapse()
        config = self.get_config()
        for argument in ("rank", "recurrent_rank", "joint"):
            del config[argument]
        for argument in ("kernel_regularizer", "recurrent_regularizer"):
            config[argument] = cell.get_config()[argument]
        plain = keras.layers.GRU.from_config({**config, "use_cudnn": self.use_cudnn})
        batch = self._expected_batch_size if self.stateful else None
        plain.build((batch, None, int(cell.kernel.shape[0])))
        plain.cell.set_weights(cell.get_weights())
        return plain

    def export_step(self) -> RecurrentStep:
        """One step of this layer in plain arrays; see `export_protocol`."""
        if not self.built:
            raise ValueError(
                f"Layer {self.name!r} must be built before export_step(); call it on data first."
            )
        matrices = [
            tuple(np.asarray(ops.convert_to_numpy(v), np.float32) for v in (f.left, f.right))
            for f in self.factors()
        ]
        bias = np.zeros((2, 3 * self.units), np.float32)
        if self.use_bias:
            value = np.asarray(ops.convert_to_numpy(self.cell.bias), np.float32)
            bias[: value.ndim] = value
        return RecurrentStep(
            cell="gru",
            units=self.units,
            kernel=matrices[0],
            recurrent_kernel=matrices[1],
            bias=bias,
            activation=_activation_name(self.activation),
            recurrent_activation=_activation_name(self.recurrent_activation),
            reset_after=self.reset_after,
            return_sequences=self.return_sequences,
            return_state=self.return_state,
            go_backwards=self.go_backwards,
            stateful=self.stateful,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rank": self.rank,
            "recurrent_rank": self.recurrent_rank,
            "joint": self.joint,
        }


def _activation_name(activation: Any) -> str:
    name = keras.activations.serialize(activation)
    return name if isinstance(name, str) else str(name.get("registered_name") or name)
