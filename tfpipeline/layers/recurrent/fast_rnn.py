"""FastRNN: a simple recurrent network with a residual connection of two trained weights."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.recurrent.fast_cell import FastCell
from tfpipeline.layers.recurrent.fast_rnn_arguments import (
    ONE_OVER_TIME,
    check_alpha,
    check_forms,
    check_time_steps,
    optional_logit,
)
from tfpipeline.layers.recurrent.logits import add_scalar, value_of
from tfpipeline.layers.recurrent.low_bit.normalized_layer import NormalizedLayer
from tfpipeline.layers.recurrent.products import StateProduct
from tfpipeline.layers.recurrent.recurrent_layer import of_cell

_BETA, _ZETA, _NU = 3.0, 1.0, -4.0


@keras.saving.register_keras_serializable(package="tfpipeline")
class FastRNNCell(FastCell, keras.layers.SimpleRNNCell):
    """One step of FastRNN, with plain or factored kernels.

    ```
    n = tanh(x W + h U + b)
    h = alpha * n + beta * h
    ```

    Kusupati et al. (2018), "FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated
    Recurrent Neural Network", section 3.1. The numbers alpha and beta are sigmoids of trained
    logits. With `tie_beta`, beta is 1 - alpha. With `vector_alpha` (their appendix G) each unit has
    an alpha of its own, and `beta = zeta (1 - alpha) + nu` with two trained numbers zeta and nu.

    Args:
        units: width of the state.
        activation: of the candidate n. A model that will be quantized to bytes may train with
            `"quant_tanh"` of `tfpipeline.activations`.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer: None is a normal distribution of standard
            deviation 0.1.
        bias_initializer: of the bias.
        kernel_regularizer, ..., seed: as in `keras.layers.SimpleRNNCell`.
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
        alpha_init: logit that alpha starts from, -3 is 0.047; or `"1/T"`, where alpha starts from
            one over the number of time steps, at most 0.5.
        beta_init: logit that beta starts from, 3 is 0.953; None is 3 where beta is a weight.
        tie_beta: whether beta is 1 - alpha.
        trainable_alpha: False keeps alpha and beta as they start.
        vector_alpha: whether each unit has an alpha of its own.
        zeta_init, nu_init: with `vector_alpha`, logits that zeta and nu start from; None is 1 and
            -4.
        time_steps: the T of `alpha_init="1/T"`; the layer `FastRNN` takes it from its input where
            this is None.
        h_clip: limit of the state, or None.
        state_filter: whether the state is filtered with a trained gamma and lambda; see
            `DriftControl`.

    Call arguments:
        inputs: `(batch, features)`.
        states: `(batch, units)`, or a list with that one tensor.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank, `joint`, logit or `h_clip` that does not exist or does not fit, and
            for arguments that have no effect together.

    Example:

    >>> layer = keras.layers.RNN(FastRNNCell(16, rank=4))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    KIND = "fast_rnn"

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = None,
        recurrent_initializer: Any = None,
        bias_initializer: Any = "ones",
        *,
        alpha_init: float | str = -3.0,
        beta_init: float | None = None,
        tie_beta: bool = False,
        trainable_alpha: bool = True,
        vector_alpha: bool = False,
        zeta_init: float | None = None,
        nu_init: float | None = None,
        time_steps: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            **options,
        )
        self.tie_beta, self.vector_alpha = bool(tie_beta), bool(vector_alpha)
        self.trainable_alpha = bool(trainable_alpha)
        self.alpha_init = check_alpha(alpha_init)
        self.beta_init = optional_logit(beta_init, "beta_init")
        self.zeta_init = optional_logit(zeta_init, "zeta_init")
        self.nu_init = optional_logit(nu_init, "nu_init")
        self.time_steps = check_time_steps(time_steps, alpha_init)
        check_forms(self.tie_beta, self.vector_alpha, self.beta_init, self.zeta_init, self.nu_init)

    def build_scalars(self) -> None:
        layer: Any = self
        shape = (self.units,) if self.vector_alpha else ()
        starts: dict[str, float] = {"alpha_logit": self._alpha_start()}
        if self.vector_alpha:
            starts["zeta_logit"] = _ZETA if self.zeta_init is None else self.zeta_init
            starts["nu_logit"] = _NU if self.nu_init is None else self.nu_init
        elif not self.tie_beta:
            starts["beta_logit"] = _BETA if self.beta_init is None else self.beta_init
        for name, start in starts.items():
            own = shape if name == "alpha_logit" else ()
            setattr(self, name, add_scalar(layer, name, start, own, self.trainable_alpha))

    def _alpha_start(self) -> float:
        if self.alpha_init != ONE_OVER_TIME:
            return float(self.alpha_init)
        if self.time_steps is None:
            raise ValueError(
                "`alpha_init='1/T'` needs the number of time steps, and the input's time axis does "
                "not say it; give `time_steps`."
            )
        # The logit of 1 / T.
        return -math.log(max(self.time_steps - 1, 1))

    def _sigmoid(self, name: str) -> Any:
        return ops.sigmoid(value_of(getattr(self, name)))

    @property
    def alpha(self) -> Any:
        """Weight of the candidate, in (0, 1): a number, or one a unit with `vector_alpha`."""
        return self._sigmoid("alpha_logit")

    @property
    def beta(self) -> Any:
        """Weight of the old state: a number, or one a unit with `vector_alpha`."""
        if self.tie_beta:
            return 1 - self.alpha
        if self.vector_alpha:
            return self.zeta * (1 - self.alpha) + self.nu
        return self._sigmoid("beta_logit")

    @property
    def zeta(self) -> Any:
        """With `vector_alpha`, the number zeta in (0, 1)."""
        return self._sigmoid("zeta_logit")

    @property
    def nu(self) -> Any:
        """With `vector_alpha`, the number nu in (0, 1)."""
        return self._sigmoid("nu_logit")

    def scalars(self) -> dict[str, Any]:
        return {"alpha": self.alpha, "beta": self.beta}

    def step(self, inputs: Any, states: list[Any], recurrent: StateProduct) -> list[Any]:
        (h,) = states
        (p,) = recurrent.sums(inputs, h)
        own = self.constants()
        return [self.kept(own.alpha * self.activation(p) + own.beta * h)]

    def export_bias(self) -> np.ndarray:
        """Return the bias and alpha, the rows of `tfpipeline.numerics.cells.fast_rnn`."""
        bias = np.zeros((2, self.units), np.float32)
        if self.bias is not None:
            bias[0] = ops.convert_to_numpy(self.bias)
        bias[1] = ops.convert_to_numpy(self.alpha)
        return bias

    def export_scalars(self) -> dict[str, float]:
        # There beta is zeta (1 - alpha) + nu in every form.
        if self.tie_beta:
            return {"zeta": 1.0, "nu": 0.0}
        if not self.vector_alpha:
            return {"zeta": 0.0, "nu": float(ops.convert_to_numpy(self.beta))}
        return {name: float(ops.convert_to_numpy(getattr(self, name))) for name in ("zeta", "nu")}

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in _OWN}
        return {**super().get_config(), **own}


_OWN = (
    *("alpha_init", "beta_init", "tie_beta", "trainable_alpha", "vector_alpha"),
    *("zeta_init", "nu_init", "time_steps"),
)


@keras.saving.register_keras_serializable(package="tfpipeline")
class FastRNN(NormalizedLayer):
    """FastRNN over `(batch, time, features)`: the layer of `FastRNNCell`.

    Args:
        units, activation, ..., state_filter: as in `FastRNNCell`.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in
            `keras.layers.SimpleRNN`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `(batch, units)`, or a list with that one tensor.
        mask: booleans `(batch, time)`; a masked step keeps the state.
        training: whether dropout acts.

    Raises:
        ValueError: for a rank, `joint`, logit or `h_clip` that does not exist or does not fit, for
            arguments that have no effect together, and for `alpha_init="1/T"` where the time axis
            has no size.

    Example:

    >>> model = keras.Sequential([keras.Input((99, 32)), FastRNN(100, alpha_init="1/T")])
    >>> round(float(model.layers[0].alpha), 4)
    0.0101
    """

    CELL = FastRNNCell

    alpha = of_cell("alpha")
    beta = of_cell("beta")
    zeta = of_cell("zeta")
    nu = of_cell("nu")
    gamma = of_cell("gamma")
    filter_level = of_cell("filter_level")

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        cell = self.cell
        if cell.alpha_init == ONE_OVER_TIME and cell.time_steps is None:
            # Kept, so that a layer made from this one starts from the same alpha.
            cell.time_steps = sequences_shape[1]
        super().build(sequences_shape, initial_state_shape)
