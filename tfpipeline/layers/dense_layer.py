"""What all dense layers share: the arguments of `keras.layers.Dense`, and the bias."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline import activations
from tfpipeline.layers.arguments import arguments_of, signature_of

_SERIALIZED = {
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}


class DenseLayer(keras.layers.Layer):
    """A layer with the arguments of `keras.layers.Dense`, whose kernel a subclass makes.

    Arguments of a subclass go by name only, and the rest is handed on:
    `def __init__(self, *args, rank="full", **options)`.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__signature__ = signature_of(arguments_of(cls).values())

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            raise ValueError(f"`units` must be a positive int; received {units!r}.")
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        features = int(input_shape[-1])
        self.build_kernel(features)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: features})
        self.built = True

    def build_kernel(self, features: int) -> None:
        """Add what the kernel `(features, units)` is made of."""
        raise NotImplementedError

    def finish(self, products: Any) -> Any:
        """Return the output of products with the kernel: bias and activation."""
        x = products if self.bias is None else products + self.bias
        return self.activation(x) if self.activation is not None else x

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
        }
        for name in arguments_of(DenseLayer):
            module = _SERIALIZED.get(name.rpartition("_")[2])
            if module is not None:
                config[name] = module.serialize(getattr(self, name))
        return config
