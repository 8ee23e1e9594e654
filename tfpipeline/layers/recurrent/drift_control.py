"""What keeps the state of a cell without a bound of its own from drifting on endless streams."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import keras
from keras import ops

from tfpipeline.layers.recurrent.logits import add_scalar, value_of

#: Start of gamma, and of lambda, in Comfi-FastGRNN.
GAMMA_START, LAMBDA_START = 0.999, 0.0
#: The state's limit where `h_clip` is None: what the fused op clamps every state to.
NO_LIMIT = 32768.0


class DriftControl:
    """A trained pull of the state towards a level, and a limit to it, both optional.

        h = gamma h + (1 - gamma) lambda        (state_filter)
        h = clip(h, -h_clip, h_clip)            (h_clip)

    The filter is that of Comfi-FastGRNN (Fast-ULCNet, arXiv:2601.14925, 2026), where gamma is a
    number in [0, 1]; here it is the sigmoid of a logit, and so stays below 1.

    Args:
        h_clip: limit of the state, or None.
        state_filter: whether there is a filter.

    Raises:
        ValueError: `h_clip` is no positive number.
    """

    def __init__(self, h_clip: float | None, state_filter: bool) -> None:
        good = isinstance(h_clip, Real) and not isinstance(h_clip, bool)
        if h_clip is not None and not (good and 0 < h_clip <= NO_LIMIT):
            raise ValueError(
                f"`h_clip` must be a number above 0 and up to {NO_LIMIT:g}, or None for a state "
                f"without a limit; received {h_clip!r}."
            )
        self.h_clip = None if h_clip is None else float(h_clip)
        self.state_filter = bool(state_filter)
        self._gamma_logit: Any = None
        self._lambda: Any = None

    def build(self, cell: keras.layers.Layer) -> None:
        """Add the weights of the filter to the cell."""
        if self.state_filter:
            start = math.log(GAMMA_START / (1 - GAMMA_START))
            self._gamma_logit = add_scalar(cell, "gamma_logit", start)
            self._lambda = add_scalar(cell, "lambda", LAMBDA_START)

    @property
    def gamma(self) -> Any:
        """What the filter keeps of the state, a number in (0, 1), in float32."""
        return ops.sigmoid(value_of(self._gamma_logit))

    @property
    def level(self) -> Any:
        """The level lambda that the filter pulls to, in float32."""
        return value_of(self._lambda)

    def constants(self) -> dict[str, Any]:
        """Return what `apply` needs, in float32: formed once, not at every step."""
        if not self.state_filter:
            return {}
        gamma = self.gamma
        return {"gain": gamma, "offset": (1 - gamma) * self.level}

    def apply(self, h: Any, constants: Any) -> Any:
        """Return the state as it is kept.

        Args:
            h: `(batch, units)`.
            constants: has `gain` and `offset` as attributes.
        """
        if self.state_filter:
            h = constants.gain * h + constants.offset
        return h if self.h_clip is None else ops.clip(h, -self.h_clip, self.h_clip)

    def export_attributes(self) -> dict[str, float]:
        """Return the parameters of `RecurrentStep` by the names of `tfpipeline.numerics.cells`."""
        found = {name: float(ops.convert_to_numpy(v)) for name, v in self.constants().items()}
        return {
            "state_gain": found.get("gain", 1.0),
            "state_offset": found.get("offset", 0.0),
            "state_limit": NO_LIMIT if self.h_clip is None else self.h_clip,
        }
