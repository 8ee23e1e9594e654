"""What all recurrent layers share: their cell, their loop and their protocols."""

from __future__ import annotations

import re
from inspect import Signature
from typing import Any, ClassVar

import keras
from keras import ops

from tfpipeline.layers.arguments import arguments_of, bind, signature_of
from tfpipeline.layers.copying import with_own_objects
from tfpipeline.layers.factored.factored_kernel import check_built
from tfpipeline.layers.recurrent.cell_protocol import FACTOR_ARGUMENTS
from tfpipeline.protocol import Factor, RecurrentStep

# What keras.layers.RNN takes beside the cell.
_LOOP = arguments_of(keras.layers.RNN)
del _LOOP["cell"]


class RecurrentLayer(keras.layers.RNN):
    """The layer of a recurrent cell over `(batch, time, features)`.

    A concrete layer names its `CELL` and takes the cell's arguments, those of the loop
    (`return_sequences`, `return_state`, `go_backwards`, `stateful`, `unroll`,
    `zero_output_for_mask`) and those of any Keras layer. The cell's arguments are also attributes
    of the layer.
    """

    #: The class of the cell, a `RecurrentCell`.
    CELL: ClassVar[Any]
    #: What `__init__` takes.
    ARGUMENTS: ClassVar[Signature]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "CELL" in vars(cls):
            own = arguments_of(cls.CELL)
            cls.ARGUMENTS = signature_of(cls._first_arguments(), own.values(), _LOOP.values())
            for name in own:
                if not hasattr(cls, name) or name in FACTOR_ARGUMENTS:
                    setattr(cls, name, of_cell(name))
        # A subclass with arguments of its own says them itself.
        says = "__init__" in vars(cls)
        cls.__signature__ = None if says else getattr(cls, "ARGUMENTS", None)

    @classmethod
    def _first_arguments(cls) -> tuple[Any, ...]:
        """Return the arguments that go before those of the cell, where the order matters."""
        return ()

    def __init__(self, *args: Any, **options: Any) -> None:
        given = bind(self.ARGUMENTS, args, options)
        own = {name: given.pop(name) for name in arguments_of(self.CELL) if name in given}
        cell = self.CELL(
            **own,
            dtype=given.get("dtype"),
            trainable=given.get("trainable", True),
            name=_snake_case(self.CELL.__name__),
        )
        # Keras' own layer, where it is a base, would make its own, unfactored cell.
        keras.layers.RNN.__init__(self, cell, **given)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    @property
    def _projects(self) -> bool:
        return bool(self.cell.joint == "prabhavalkar")

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        batch, time = sequences.shape[:2]
        rows = None if batch is None or time is None else batch * time
        # One matrix product for all time steps: the loop only carries the recurrent part.
        projected = self.cell.project_inputs(sequences, training, steps=rows)
        with self.cell.prepared(rows, training):
            return keras.layers.RNN.inner_loop(
                self, projected, initial_state, mask, training=training
            )

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        result = super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        if not self._projects:
            return result
        if not isinstance(result, (list, tuple)):
            return ops.matmul(result, self.cell.projection)
        output, *states = result
        return (ops.matmul(output, self.cell.projection), *states)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        shape = super().compute_output_shape(sequences_shape, initial_state_shape)
        if not self._projects:
            return shape
        width = self.cell.projection_width()
        if not self.return_state:
            return (*shape[:-1], width)
        output, *states = shape
        return ((*output[:-1], width), *states)

    def factors(self) -> tuple[Factor, ...]:
        """Return the factored matrices; see `tfpipeline.protocol`."""
        check_built(self, "factors()")
        factors: tuple[Factor, ...] = self.cell.factors()
        return factors

    def with_ranks(self, **ranks: Any) -> Any:
        """Return a new, unbuilt layer of the same configuration with other ranks."""
        return type(self).from_config({**with_own_objects(self.get_config(), self), **ranks})

    def collapse(self) -> Any:
        """Return the built layer that computes the same function with plain kernels.

        It is the Keras layer where there is one, else one of this class with `rank=None`; and with
        `joint="prabhavalkar"` a `keras.Sequential` of it and of a `keras.layers.Dense` for the
        projection.
        """
        check_built(self, "collapse()")
        if self._projects and self.return_state:
            raise ValueError(
                f"Layer {self.name!r} with joint='prabhavalkar' and return_state=True has no "
                "plain twin: expected return_state=False; rebuild the layer with it."
            )
        cell = self.cell.collapse()
        plain = self._plain_layer(cell)
        batch = self._expected_batch_size if self.stateful else None
        plain.build((batch, None, self.cell.features))
        plain.cell.set_weights(cell.get_weights())
        if not self._projects:
            return plain
        projection = keras.layers.Dense(
            self.cell.projection_width(), use_bias=False, dtype=self.dtype_policy
        )
        projection.build((None, self.cell.units))
        projection.set_weights([self.cell.projection])
        return keras.Sequential([plain, projection], name=self.name)

    def plain_config(self, cell: Any) -> dict[str, Any]:
        """Return the configuration with the plain kernels of `cell`."""
        config = with_own_objects(self.get_config(), self)
        for argument in ("kernel_regularizer", "recurrent_regularizer"):
            config[argument] = getattr(cell, argument)
        return {**config, "rank": None, "recurrent_rank": None, "joint": "partial"}

    def _plain_layer(self, cell: Any) -> Any:
        """Return the unbuilt layer of `collapse`, for its cell."""
        return type(self).from_config(self.plain_config(cell))

    def export_step(self) -> RecurrentStep:
        """Return one step of this layer in plain arrays; see `tfpipeline.protocol`."""
        check_built(self, "export_step()")
        cell = self.cell
        kernel, recurrent = cell.export_kernels()
        return RecurrentStep(
            cell=cell.KIND,
            units=cell.units,
            kernel=kernel,
            recurrent_kernel=recurrent,
            bias=cell.export_bias(),
            activation=_activation_name(cell.activation),
            recurrent_activation=(
                _activation_name(cell.recurrent_activation)
                if hasattr(cell, "recurrent_activation")
                else None
            ),
            return_sequences=self.return_sequences,
            return_state=self.return_state,
            go_backwards=self.go_backwards,
            stateful=self.stateful,
            projection=recurrent[0] if self._projects else None,
            attributes=cell.export_attributes(),
        )

    def get_config(self) -> dict[str, Any]:
        config = keras.layers.RNN.get_config(self)
        del config["cell"]
        cell = self.cell.get_config()
        return {
            **config,
            "activity_regularizer": keras.regularizers.serialize(self.activity_regularizer),
            **{name: cell[name] for name in arguments_of(self.CELL) if name in cell},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


def of_cell(name: str) -> property:
    """Return a property of a layer that is the attribute of its cell."""

    def read(layer: Any) -> Any:
        return getattr(layer.cell, name)

    def write(layer: Any, value: Any) -> None:
        setattr(layer.cell, name, value)

    return property(read, write, doc=f"`{name}` of the cell.")


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _activation_name(activation: Any) -> str:
    name = keras.activations.serialize(activation)
    if isinstance(name, str):
        return name
    # Of a registered function Keras keeps the name here, of an object there.
    registered = name["config"] if name.get("class_name") == "function" else None
    return str(registered or name.get("registered_name") or name)
