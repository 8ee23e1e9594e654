"""The quasi-recurrent network: gates of a window of inputs, and a pooling over time."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.recurrent.gated_cell_options import GatedCellOptions
from tfpipeline.layers.recurrent.products import StateProduct
from tfpipeline.layers.recurrent.recurrent_cell import RecurrentCell
from tfpipeline.layers.recurrent.recurrent_layer import RecurrentLayer
from tfpipeline.layers.recurrent.windows import windows_of
from tfpipeline.numerics.cells import CELLS

_KINDS = {"f": "qrnn", "fo": "qrnn_fo"}
_OF_THE_STATE = (
    *("recurrent_rank", "recurrent_initializer", "recurrent_regularizer"),
    *("recurrent_constraint", "recurrent_dropout", "recurrent_weight_drop"),
)


@keras.saving.register_keras_serializable(package="tfpipeline")
class QRNNCell(RecurrentCell, GatedCellOptions):
    """One step of a quasi-recurrent network, with a plain or factored kernel.

    With `X` the last `window` inputs side by side, the oldest first, and zeros before the first:

    ```
    z, f, o = tanh(X W_z + b_z), sigmoid(X W_f + b_f), sigmoid(X W_o + b_o)
    h = f * h + (1 - f) * z                         (pooling "f", without o)
    c = f * c + (1 - f) * z,  h = o * c             (pooling "fo")
    ```

    Bradbury et al. (2017), "Quasi-Recurrent Neural Networks", section 2: a masked convolution over
    time, and no recurrent kernel. Gates lie in the order z, f, o.

    Args:
        units, activation, ..., seed: as in `keras.layers.GRUCell`, without what acts on a recurrent
            kernel: `recurrent_initializer`, `recurrent_regularizer`, `recurrent_constraint`,
            `recurrent_dropout`, `recurrent_weight_drop` and `recurrent_rank` must be left out.
        window: how many time steps the gates read.
        pooling: `"f"` or `"fo"`.
        zoneout: share of the numbers of f that are 1 while training, drawn anew at every step, so
            that a unit keeps its state; section 2.1. Nothing is scaled at inference.
        rank: None (default) for a plain kernel; else `"full"`, an int, or a float in (0, 1] as a
            fraction of `min(window * features, gates * units)`, rounded up.
        joint: `"partial"` (default), or `"split"` for one factorization a gate.

    Call arguments:
        inputs: `(batch, features)`.
        states: h `(batch, units)`; with pooling "fo" also c `(batch, units)`; with a window of more
            than one step also its inputs so far `(batch, (window - 1) * features)`.
        training: whether dropout acts.

    Raises:
        ValueError: for a window, pooling, zoneout, rank or `joint` that does not exist or does not
            fit, and for arguments of a recurrent kernel.

    Example:

    >>> layer = keras.layers.RNN(QRNNCell(16, window=3))
    >>> layer(np.zeros((2, 5, 8))).shape
    (2, 16)
    """

    KIND = "qrnn"

    def __init__(
        self,
        *args: Any,
        window: int = 2,
        pooling: str = "f",
        zoneout: float = 0.0,
        rank: Any = None,
        joint: str = "partial",
        **options: Any,
    ) -> None:
        if pooling not in _KINDS:
            raise ValueError(f"`pooling` must be 'f' or 'fo'; received {pooling!r}.")
        whole = isinstance(window, (int, np.integer)) and not isinstance(window, bool)
        if not whole or window < 1:
            raise ValueError(f"`window` must be a positive int; received {window!r}.")
        share = isinstance(zoneout, (float, int)) and not isinstance(zoneout, bool)
        if not share or not 0 <= zoneout < 1:
            raise ValueError(f"`zoneout` must be a number in [0, 1); received {zoneout!r}.")
        if joint not in ("partial", "split"):
            raise ValueError(
                "`joint` must be 'partial' or 'split' in a cell without a recurrent kernel; "
                f"received {joint!r}."
            )
        for name in _OF_THE_STATE:
            if options.get(name) not in (None, 0):
                raise ValueError(
                    f"`{name}` must be left out in a cell without a recurrent kernel; received "
                    f"{options[name]!r}."
                )
            options.pop(name, None)
        # Of this very cell, before anything reads them.
        kind = CELLS[_KINDS[pooling]]
        self.__dict__.update(KIND=kind.name, GATES=tuple(gate.name for gate in kind.gates))
        super().__init__(*args, rank=rank, joint=joint, **options)
        self.window, self.pooling = int(window), pooling
        self.zoneout = float(zoneout)
        self._set_state_size(None)

    def _set_state_size(self, features: int | None) -> None:
        before = () if self.window == 1 else (features and (self.window - 1) * features,)
        self.state_size = [*[self.units] * len(CELLS[self.KIND].states), *before]

    @property
    def features(self) -> int:
        """Width of the inputs of one time step."""
        return self._features

    def build(self, input_shape: Any) -> None:
        self._features = int(input_shape[-1])
        super().build((*input_shape[:-1], self.window * self._features))
        self._set_state_size(self._features)

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def get_dropout_mask(self, step_input: Any) -> Any:
        # One mask a feature, whichever step of the window it is in.
        mask = super().get_dropout_mask(step_input[:, : self.features])
        return mask if mask is None else ops.tile(mask, (1, self.window))

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        if self._prepared is not None or self.window == 1:
            return super().call(inputs, states, training)
        *pooled, before = states
        seen = ops.concatenate([before, inputs], axis=-1)
        output, new = super().call(seen, pooled, training)
        return output, [*new, seen[:, self.features :]]

    def project_inputs(self, inputs: Any, training: bool = False, steps: int | None = 1) -> Any:
        """Return the gates of windows `(..., window * features)`, `(..., gates * units)`."""
        z, *gates = ops.split(
            super().project_inputs(inputs, training, steps), len(self.GATES), axis=-1
        )
        # No state is in them, so that they are functions of all time steps at once.
        f, *o = (self.recurrent_activation(gate) for gate in gates)
        if training and self.zoneout:
            drawn = keras.random.uniform(ops.shape(f), dtype=f.dtype, seed=self.seed_generator)
            f = ops.where(drawn < self.zoneout, ops.ones_like(f), f)
        return ops.concatenate([self.activation(z), f, *o], axis=-1)

    def step(self, inputs: Any, states: list[Any], recurrent: StateProduct) -> list[Any]:
        z, f, *o = ops.split(inputs, len(self.GATES), axis=-1)
        pooled = f * states[-1] + (1 - f) * z
        return [o[0] * pooled, pooled] if o else [pooled]

    def export_attributes(self) -> dict[str, object]:
        return {"window": self.window}

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "window": self.window, "pooling": self.pooling}
        config["zoneout"] = self.zoneout
        return {name: value for name, value in config.items() if name not in _OF_THE_STATE}


@keras.saving.register_keras_serializable(package="tfpipeline")
class QRNN(RecurrentLayer):
    """Quasi-recurrent network over `(batch, time, features)`: the layer of `QRNNCell`.

    Products and gates of all time steps are formed at once; the loop over time only pools. A stream
    may come in parts, with `stateful` or by states handed on: the last inputs are a state.

    Args:
        units, activation, ..., zoneout: as in `QRNNCell`.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in
            `keras.layers.GRU`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: a list of the states of `QRNNCell`.
        mask: booleans `(batch, time)`; a masked step keeps the states, and no window holds it.
        training: whether dropout acts.

    Raises:
        ValueError: for a window, pooling, zoneout, rank or `joint` that does not exist or does not
            fit, and for arguments of a recurrent kernel.

    Example:

    >>> model = keras.Sequential([keras.Input((None, 40)), QRNN(96, window=2, pooling="fo")])
    >>> model.predict(np.zeros((1, 98, 40)), verbose=0).shape
    (1, 96)
    """

    CELL = QRNNCell

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        # The width of the window is known now.
        self.state_size = list(self.cell.state_size)

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        if self.cell.window == 1:
            return super().inner_loop(sequences, initial_state, mask, training)
        *pooled, before = initial_state
        # The loop turns what it gets, and so the window is one of the turned sequence.
        turned = [
            item if item is None or not self.go_backwards else ops.flip(item, axis=1)
            for item in (sequences, mask)
        ]
        seen, last = windows_of(turned[0], before, turned[1])
        if self.go_backwards:
            seen = ops.flip(seen, axis=1)
        output, outputs, states = super().inner_loop(seen, pooled, mask, training)
        return output, outputs, [*states, last]
