"""What recurrent cells and layers have that compute what a cell or layer of Keras computes."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any, ClassVar

from tfpipeline.layers.arguments import bind
from tfpipeline.layers.copying import take_over
from tfpipeline.layers.factored.factored_kernel import check_built, factored_config
from tfpipeline.layers.factored.ranks import check_ranks
from tfpipeline.layers.recurrent.cell_protocol import OWN_ARGUMENTS


class KerasTwinCell:
    """Goes first among the bases of a cell that Keras has too, with plain kernels: `PLAIN`.

    `PLAIN` is also the last of the bases, so that ours is one of its kind.
    """

    PLAIN: ClassVar[Any]

    def check_rank(self, rank: Any, argument: str) -> Any:
        cell: Any = self
        return check_ranks(rank, argument, cell.joint, len(cell.GATES))

    def collapse(self) -> Any:
        """Return the built Keras cell that computes the same function with plain kernels."""
        cell: Any = self
        check_built(cell, "collapse()")
        plain = self.PLAIN.from_config(_of_keras(cell.plain_config()))
        plain.build((None, int(cell.kernel.shape[0])))
        take_over(plain.kernel, cell.kernel)
        take_over(plain.recurrent_kernel, cell.recurrent_kernel)
        if cell.bias is not None:
            take_over(plain.bias, cell.bias)
        return plain

    @classmethod
    def from_keras(cls, cell: Any, **options: Any) -> Any:
        """Return the factored cell that computes what a Keras cell does; see `KerasTwin`."""
        factored = cls.from_config({**factored_config(cls, cls.PLAIN, cell), **options})  # type: ignore[attr-defined]
        if cell.built:
            factored.build((None, int(cell.kernel.shape[0])))
            _take_over_cell(factored, cell)
        return factored


class KerasTwin:
    """Goes first among the bases of a layer that Keras has too, with plain kernels: `PLAIN`.

    `PLAIN` is also the last of the bases, so that ours is one of its kind. On a GPU with TensorFlow
    ours uses cuDNN where Keras' layer does.
    """

    PLAIN: ClassVar[Any]

    _cudnn = False

    @classmethod
    def _first_arguments(cls) -> tuple[Parameter, ...]:
        _, *arguments = signature(cls.PLAIN.__init__).parameters.values()
        return tuple(a for a in arguments if a.kind is not Parameter.VAR_KEYWORD)

    def __init__(self, *args: Any, **options: Any) -> None:
        layer: Any = self
        given = bind(layer.ARGUMENTS, args, options)
        if "use_cudnn" not in layer.ARGUMENTS.parameters:
            super().__init__(**given)
            return
        use_cudnn = given.pop("use_cudnn", "auto")
        super().__init__(**given)
        # Keras joins the two directions of Bidirectional in one cuDNN call where this is not False,
        # and would leave out the projection of the output, and the mask of weight drop.
        ours_only = layer.joint == "prabhavalkar" or layer.recurrent_weight_drop
        layer.use_cudnn = False if ours_only else use_cudnn
        # Keras decides between cuDNN and XLA in its own __init__: ask a twin that is never built.
        twin = self.PLAIN(
            1,
            activation=layer.cell.activation,
            recurrent_activation=layer.cell.recurrent_activation,
            use_bias=layer.cell.use_bias,
            unroll=layer.unroll,
            use_cudnn=layer.use_cudnn,
            name="cudnn_probe",
            **layer.cell.export_attributes(),
        )
        self._cudnn = not twin.supports_jit
        if self._cudnn:
            layer.supports_jit = False

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        if self._cudnn:
            return self.PLAIN.inner_loop(self, sequences, initial_state, mask, training=training)
        return super().inner_loop(sequences, initial_state, mask, training=training)  # type: ignore[misc]

    def _plain_layer(self, cell: Any) -> Any:
        layer: Any = self
        config = _of_keras(layer.plain_config(cell))
        return self.PLAIN.from_config({**config, **_use_cudnn(layer)})

    @classmethod
    def from_keras(cls, layer: Any, **options: Any) -> Any:
        """Return the factored layer that computes what a Keras layer computes.

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
        factored = cls.from_config({**config, **_use_cudnn(layer), **options})  # type: ignore[attr-defined]
        if factored.joint == "prabhavalkar":
            raise ValueError(
                "`joint` must not be 'prabhavalkar' in from_keras, because the layer's output "
                "would change; use tfpipeline.compress.factorize on the model, which changes the "
                "next layer too."
            )
        if layer.built:
            batch = layer._expected_batch_size if layer.stateful else None
            factored.build((batch, None, int(layer.cell.kernel.shape[0])))
            _take_over_cell(factored.cell, layer.cell)
        return factored


def _of_keras(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in OWN_ARGUMENTS}


def _use_cudnn(layer: Any) -> dict[str, Any]:
    """Return the option that Keras leaves out of configurations, where the layer has it."""
    return {"use_cudnn": layer.use_cudnn} if hasattr(layer, "use_cudnn") else {}


def _take_over_cell(factored: Any, plain: Any) -> None:
    factored.assign_kernels(plain.kernel, plain.recurrent_kernel)
    if plain.bias is not None:
        take_over(factored.bias, plain.bias)
