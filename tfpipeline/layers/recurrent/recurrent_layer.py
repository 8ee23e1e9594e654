"""What the factored GRU and LSTM layers share: their cell, their loop and their protocols."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.copying import take_over, with_own_objects
from tfpipeline.layers.factored.factored_kernel import check_built, factored_config
from tfpipeline.layers.recurrent.recurrent_cell import FACTOR_ARGUMENTS
from tfpipeline.protocol import Factor, RecurrentStep


class FactoredRecurrent:
    """Goes before the Keras layer among the bases of a factored layer.

    The Keras layer keeps its options and its state; this class replaces its cell and the loop over
    time.
    """

    CELL: ClassVar[Any]
    PLAIN: ClassVar[Any]

    cell: Any

    def set_cell(self, cell: Any, use_cudnn: bool | str, **options: Any) -> None:
        """The rest of `__init__`.

        The Keras layer's own `__init__` would make its own, unfactored cell: this starts one class
        higher instead.
        """
        layer: Any = self
        keras.layers.RNN.__init__(layer, cell, **options)
        layer.input_spec = keras.layers.InputSpec(ndim=3)
        # Keras joins the two directions of Bidirectional in one cuDNN call where this is not False,
        # and would leave the projection of the output out.
        layer.use_cudnn = False if cell.joint == "prabhavalkar" else use_cudnn
        # Keras decides between cuDNN and XLA in its own __init__: ask a twin that is never built.
        twin = self.PLAIN(
            1,
            activation=cell.activation,
            recurrent_activation=cell.recurrent_activation,
            use_bias=cell.use_bias,
            unroll=layer.unroll,
            use_cudnn=layer.use_cudnn,
            name="cudnn_probe",
            **({"reset_after": cell.reset_after} if hasattr(cell, "reset_after") else {}),
        )
        self._cudnn = not twin.supports_jit
        if self._cudnn:
            layer.supports_jit = False

    @property
    def rank(self) -> Any:
        return self.cell.rank

    @rank.setter
    def rank(self, rank: Any) -> None:
        self.cell.rank = rank

    @property
    def recurrent_rank(self) -> Any:
        return self.cell.recurrent_rank

    @recurrent_rank.setter
    def recurrent_rank(self, recurrent_rank: Any) -> None:
        self.cell.recurrent_rank = recurrent_rank

    @property
    def joint(self) -> str:
        return self.cell.joint

    @property
    def _projects(self) -> bool:
        return self.cell.joint == "prabhavalkar"

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        layer: Any = self
        if self._cudnn:
            return super().inner_loop(  # type: ignore[misc]
                sequences, initial_state, mask, training=training
            )
        batch, time = sequences.shape[:2]
        rows = None if batch is None or time is None else batch * time
        # One matrix product for all time steps: the loop only carries the recurrent part.
        projected = self.cell.project_inputs(sequences, training, steps=rows)
        with self.cell.prepared(rows):
            return keras.layers.RNN.inner_loop(
                layer, projected, initial_state, mask, training=training
            )

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        result = super().call(  # type: ignore[misc]
            sequences, initial_state=initial_state, mask=mask, training=training
        )
        if not self._projects:
            return result
        if not isinstance(result, (list, tuple)):
            return ops.matmul(result, self.cell.projection)
        output, *states = result
        return (ops.matmul(output, self.cell.projection), *states)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        layer: Any = self
        shape = super().compute_output_shape(  # type: ignore[misc]
            sequences_shape, initial_state_shape
        )
        if not self._projects:
            return shape
        width = self.cell.projection_width()
        if not layer.return_state:
            return (*shape[:-1], width)
        output, *states = shape
        return ((*output[:-1], width), *states)

    def factors(self) -> tuple[Factor, ...]:
        """The factored matrices; see `tfpipeline.protocol`."""
        check_built(self, "factors()")
        return self.cell.factors()

    def with_ranks(self, **ranks: Any) -> Any:
        """A new, unbuilt layer of the same configuration with other ranks."""
        layer: Any = self
        return type(layer).from_config({**with_own_objects(layer.get_config(), layer), **ranks})

    def collapse(self) -> Any:
        """The built layer that computes the same function with plain kernels.

        It is the Keras layer, and with `joint="prabhavalkar"` a `keras.Sequential` of it and of a
        `keras.layers.Dense` for the projection.
        """
        layer: Any = self
        check_built(layer, "collapse()")
        if self._projects and layer.return_state:
            raise ValueError(
                f"Layer {layer.name!r} with joint='prabhavalkar' and return_state=True has no "
                "plain twin: expected return_state=False; rebuild the layer with it."
            )
        cell = self.cell.collapse()
        config = with_own_objects(layer.get_config(), layer)
        for argument in FACTOR_ARGUMENTS:
            del config[argument]
        for argument in ("kernel_regularizer", "recurrent_regularizer"):
            config[argument] = getattr(cell, argument)
        plain = self.PLAIN.from_config({**config, "use_cudnn": layer.use_cudnn})
        batch = layer._expected_batch_size if layer.stateful else None
        plain.build((batch, None, int(cell.kernel.shape[0])))
        plain.cell.set_weights(cell.get_weights())
        if not self._projects:
            return plain
        projection = keras.layers.Dense(
            self.cell.projection_width(), use_bias=False, dtype=layer.dtype_policy
        )
        projection.build((None, self.cell.units))
        projection.set_weights([self.cell.projection])
        return keras.Sequential([plain, projection], name=layer.name)

    @classmethod
    def from_keras(cls, layer: Any, **options: Any) -> Any:
        """The factored layer that computes what a Keras layer computes.

        Built when `layer` is; the factors then are the balanced split of its kernels, cut where
        `rank` asks for less than the full rank. Name, bias and all other options carry over, but
        not the regularizers of the kernels, because what holds for a matrix does not for its
        factors.

        Args:
            layer: Keras layer with plain kernels.
            options: arguments of this class that shall differ, such as `rank`, `joint` or
                `kernel_regularizer`.

        Raises:
            ValueError: for another kind of layer, or options that do not fit.
        """
        config = factored_config(cls, cls.PLAIN, layer)
        factored = cls.from_config({**config, "use_cudnn": layer.use_cudnn, **options})  # type: ignore[attr-defined]
        if factored._projects:
            raise ValueError(
                "`joint` must not be 'prabhavalkar' in from_keras, because the layer's output "
                "would change; use tfpipeline.compress.factorize on the model, which changes the "
                "next layer too."
            )
        if layer.built:
            batch = layer._expected_batch_size if layer.stateful else None
            factored.build((batch, None, int(layer.cell.kernel.shape[0])))
            factored.cell.assign_kernels(layer.cell.kernel, layer.cell.recurrent_kernel)
            if layer.cell.bias is not None:
                take_over(factored.cell.bias, layer.cell.bias)
        return factored

    def export_bias(self) -> np.ndarray:
        """The bias as `RecurrentStep` has it."""
        raise NotImplementedError

    def export_attributes(self) -> dict[str, object]:
        """What belongs to this kind of cell only, as `RecurrentStep` has it."""
        return {}

    def export_step(self) -> RecurrentStep:
        """One step of this layer in plain arrays; see `tfpipeline.protocol`."""
        layer: Any = self
        check_built(layer, "export_step()")
        kernel, recurrent = self.cell.export_kernels()
        return RecurrentStep(
            cell=self.PLAIN.__name__.lower(),
            units=layer.units,
            kernel=kernel,
            recurrent_kernel=recurrent,
            bias=self.export_bias(),
            activation=_activation_name(layer.activation),
            recurrent_activation=_activation_name(layer.recurrent_activation),
            return_sequences=layer.return_sequences,
            return_state=layer.return_state,
            go_backwards=layer.go_backwards,
            stateful=layer.stateful,
            projection=recurrent[0] if self._projects else None,
            attributes=self.export_attributes(),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),  # type: ignore[misc]
            "rank": self.rank,
            "recurrent_rank": self.recurrent_rank,
            "joint": self.joint,
        }


def _activation_name(activation: Any) -> str:
    name = keras.activations.serialize(activation)
    return name if isinstance(name, str) else str(name.get("registered_name") or name)
