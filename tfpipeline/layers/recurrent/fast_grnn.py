"""FastGRNN: a gated recurrent unit whose gate and candidate share their two matrices."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.recurrent.fast_cell import FastCell
from tfpipeline.layers.recurrent.gated_cell_options import GatedCellOptions
from tfpipeline.layers.recurrent.logits import add_scalar, check_logit, value_of
from tfpipeline.layers.recurrent.low_bit.normalized_layer import NormalizedLayer
from tfpipeline.layers.recurrent.products import StateProduct
from tfpipeline.layers.recurrent.recurrent_layer import of_cell


@keras.saving.register_keras_serializable(package="tfpipeline")
class FastGRNNCell(FastCell, GatedCellOptions):
    """One step of FastGRNN, with plain or factored kernels.

    ```
    p = x W + h U
    z = sigmoid(p + b_z)
    n = tanh(p + b_h)
    h = (zeta (1 - z) + nu) * n + z * h
    ```

    Kusupati et al. (2018), "FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated
    Recurrent Neural Network", section 3.2. One pair of matrices serves gate and candidate, so that
    a step is one product with U. The numbers zeta and nu are sigmoids of trained logits. The state
    is not bounded by 1: where z is 1 it grows by nu n at every step, which `state_filter` and
    `h_clip` prevent; see `DriftControl`.

    Args:
        units: width of the state.
        activation: of the candidate n. A model that will be quantized to bytes may train with
            `"quant_tanh"` of `tfpipeline.activations`.
        recurrent_activation: of the gate z; beside it `"quant_sigmoid"`.
        use_bias: whether there are b_z and b_h, the rows of one weight `(2, units)`.
        kernel_initializer, recurrent_initializer: None is a normal distribution of standard
            deviation 0.1.
        bias_initializer: of both biases.
        kernel_regularizer, ..., seed: as in `keras.layers.GRUCell`.
        rank: None (default) for a plain input kernel; else `"full"`, an int, or a float in (0, 1]
            as a fraction of `min(features, units)`, rounded up. The factors start from the balanced
            singular value split of the initializer's matrix.
        recurrent_rank: the same for the recurrent kernel; None takes `rank`.
        joint: which matrices share a factorization; see `FactoredGRU`.
        recurrent_weight_drop: share of the recurrent weights that are 0 while training; see
            `RecurrentCell`.
        weight_quantizer: a name or object of `tfpipeline.quantizers`, or None for full precision.
        normalization: of both products, a name or object of `tfpipeline.normalizations`, or None.
        activation_bits: 1 to 4, to multiply the state with so few bits; see `NormalizedCell`.
        zeta_init, nu_init: logits that zeta and nu start from; 1 and -4 are 0.731 and 0.018.
        h_clip: limit of the state, or None.
        state_filter: whether the state is filtered with a trained gamma and lambda.

    Call arguments:
        inputs: `(batch, features)`.
        states: `(batch, units)`, or a list with that one tensor.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank, `joint`, logit or `h_clip` that does not exist or does not fit.

    Example:

    >>> layer = keras.layers.RNN(FastGRNNCell(16, rank=4))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    KIND = "fast_grnn"

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = None,
        recurrent_initializer: Any = None,
        bias_initializer: Any = "ones",
        *,
        zeta_init: float = 1.0,
        nu_init: float = -4.0,
        **options: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            **options,
        )
        self.zeta_init = check_logit(zeta_init, "zeta_init")
        self.nu_init = check_logit(nu_init, "nu_init")

    @property
    def bias_rows(self) -> int:
        """Rows of the weight: b_z and b_h, although the products have one."""
        return 2

    def _state_bias(self) -> Any:
        return None

    def build_scalars(self) -> None:
        layer: Any = self
        self.zeta_logit = add_scalar(layer, "zeta_logit", self.zeta_init)
        self.nu_logit = add_scalar(layer, "nu_logit", self.nu_init)

    @property
    def zeta(self) -> Any:
        """The number zeta in (0, 1)."""
        return ops.sigmoid(value_of(self.zeta_logit))

    @property
    def nu(self) -> Any:
        """The number nu in (0, 1)."""
        return ops.sigmoid(value_of(self.nu_logit))

    def scalars(self) -> dict[str, Any]:
        # The inputs come with b_z.
        shift = {} if self.bias is None else {"shift": self.bias[1] - self.bias[0]}
        return {"zeta": self.zeta, "nu": self.nu, **shift}

    def step(self, inputs: Any, states: list[Any], recurrent: StateProduct) -> list[Any]:
        (h,) = states
        (p,) = recurrent.sums(inputs, h)
        own = self.constants()
        z = self.recurrent_activation(p)
        n = self.activation(p if self.bias is None else p + own.shift)
        return [self.kept((own.zeta * (1 - z) + own.nu) * n + z * h)]

    def export_bias(self) -> np.ndarray:
        """Return b_z and `shift = b_h - b_z`, the rows of `tfpipeline.numerics.cells.fast_grnn`."""
        if self.bias is None:
            return np.zeros((2, self.units), np.float32)
        b_z, b_h = np.asarray(ops.convert_to_numpy(self.bias), np.float32)
        return np.stack([b_z, b_h - b_z])

    def export_scalars(self) -> dict[str, float]:
        return {name: float(ops.convert_to_numpy(getattr(self, name))) for name in ("zeta", "nu")}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "zeta_init": self.zeta_init, "nu_init": self.nu_init}


@keras.saving.register_keras_serializable(package="tfpipeline")
class FastGRNN(NormalizedLayer):
    """FastGRNN over `(batch, time, features)`: the layer of `FastGRNNCell`.

    The product of the inputs with W runs for all time steps at once; in the loop there is one
    product with U a step, for gate and candidate together.

    Args:
        units, activation, ..., state_filter: as in `FastGRNNCell`.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in
            `keras.layers.GRU`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `(batch, units)`, or a list with that one tensor.
        mask: booleans `(batch, time)`; a masked step keeps the state.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank, `joint`, logit or `h_clip` that does not exist or does not fit.

    Example:

    >>> model = keras.Sequential([keras.Input((99, 32)), FastGRNN(100, rank=16, recurrent_rank=25)])
    >>> model.count_params()
    7314
    """

    CELL = FastGRNNCell

    zeta = of_cell("zeta")
    nu = of_cell("nu")
    gamma = of_cell("gamma")
    filter_level = of_cell("filter_level")
