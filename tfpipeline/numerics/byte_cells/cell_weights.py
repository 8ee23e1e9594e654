"""The trained numbers of a FastRNN or FastGRNN and of the classifier behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

#: Which scalars a cell has. They are trained as logits; the equations have their sigmoids.
SCALARS: Mapping[str, tuple[str, ...]] = {
    "fast_rnn": ("alpha", "beta"),
    "fast_grnn": ("zeta", "nu"),
}
#: A scalar in integers is this many times its value: alpha = 0.0474 is 47.
SCALAR_SCALE = 1000
_BIAS_ROWS = {"fast_rnn": 1, "fast_grnn": 2}


@dataclass(frozen=True, eq=False, kw_only=True)
class CellArrays:
    """A cell's arrays in Keras' orientation, as in `tfpipeline.protocol.RecurrentStep`.

        fast_rnn:   h = alpha act(x W + h U + b) + beta h
        fast_grnn:  z = sigm(x W + h U + b_z),  n = act(x W + h U + b_h)
                    h = (zeta (1 - z) + nu) n + z h

    Source: Kusupati et al. 2018, "FastGRNN", section 3.

    Args:
        cell: `"fast_rnn"` or `"fast_grnn"`.
        kernel: `(W,)` with `W` of shape `(features, units)`, or its factors
            `(features, rank)` and `(rank, units)`.
        recurrent_kernel: the same with `units` rows.
        bias: `(1, units)`, or `(2, units)` of a FastGRNN: b_z, b_h.
        classifier: `(units, classes)`, or None.
        classifier_bias: `(classes,)`, or None.

    Raises:
        ValueError: the cell is unknown, or shapes do not fit each other.
    """

    cell: str
    kernel: tuple[np.ndarray, ...]
    recurrent_kernel: tuple[np.ndarray, ...]
    bias: np.ndarray
    classifier: np.ndarray | None = None
    classifier_bias: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.cell not in SCALARS:
            raise ValueError(f"`cell` must be one of {list(SCALARS)}; received {self.cell!r}.")
        rows, shape = _BIAS_ROWS[self.cell], np.shape(self.bias)
        if len(shape) != 2 or shape[0] != rows or not shape[1]:
            raise ValueError(
                f"`bias` of {self.cell!r} must have shape ({rows}, units); received {shape}."
            )
        _check_kernel("kernel", self.kernel, None, self.units)
        _check_kernel("recurrent_kernel", self.recurrent_kernel, self.units, self.units)
        if (self.classifier is None) != (self.classifier_bias is None):
            raise ValueError("`classifier` and `classifier_bias` must be given together.")
        if self.classifier is None or self.classifier_bias is None:
            return
        matrix, bias = self.classifier.shape, self.classifier_bias.shape
        if len(bias) != 1 or matrix != (self.units, *bias):
            raise ValueError(
                f"`classifier` must have shape ({self.units}, classes), and `classifier_bias` "
                f"(classes,); received {matrix} and {bias}."
            )

    @property
    def units(self) -> int:
        return int(self.bias.shape[1])

    @property
    def features(self) -> int:
        return int(self.kernel[0].shape[0])

    def of_cell(self) -> tuple[np.ndarray, ...]:
        """Return all matrices and biases of the cell itself."""
        return (*self.kernel, *self.recurrent_kernel, self.bias)

    def of_classifier(self) -> tuple[np.ndarray, ...]:
        """Return matrix and bias of the classifier, if there is one."""
        both = (self.classifier, self.classifier_bias)
        return tuple(array for array in both if array is not None)

    def _check_scalars(self, argument: str, scalars: Mapping[str, float]) -> None:
        if set(scalars) != set(SCALARS[self.cell]):
            raise ValueError(
                f"`{argument}` of {self.cell!r} must be {list(SCALARS[self.cell])}; "
                f"received {sorted(scalars)}."
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class CellWeights(CellArrays):
    """`CellArrays` as they were trained.

    Args:
        logits: `alpha` and `beta`, or `zeta` and `nu`, before the sigmoid.

    Raises:
        ValueError: a number is NaN or infinite, or a logit is missing.
    """

    logits: Mapping[str, float]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_scalars("logits", self.logits)
        arrays = (*self.of_cell(), *self.of_classifier(), *self.logits.values())
        if not all(np.isfinite(np.asarray(array, np.float64)).all() for array in arrays):
            raise ValueError(
                "weights must be finite; received NaN or infinity: did the training diverge?"
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class ByteWeights(CellArrays):
    """`CellArrays` in int8, and what they are multiples of.

    Args:
        scale: the whole number that all matrices and biases of the cell share: `w = q / scale`.
        scalars: the sigmoids of the logits, in thousandths.
        classifier_scale: the same of the classifier and its bias, and not a whole number.

    Raises:
        ValueError: a type or range is another one.
    """

    scale: int
    scalars: Mapping[str, int]
    classifier_scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_scalars("scalars", self.scalars)
        types = {array.dtype.name for array in (*self.of_cell(), *self.of_classifier())}
        if types != {"int8"}:
            raise ValueError(f"arrays must be int8; received {sorted(types)}.")
        if not all(0 <= value <= SCALAR_SCALE for value in self.scalars.values()):
            raise ValueError(
                f"`scalars` must lie in [0, {SCALAR_SCALE}]; received {dict(self.scalars)}."
            )
        if not (1 <= self.scale < 1 << 24 and 0 < self.classifier_scale < np.inf):
            raise ValueError(
                "`scale` must lie in [1, 2^24) and `classifier_scale` be positive and finite; "
                f"received {self.scale} and {self.classifier_scale}."
            )


def _check_kernel(
    name: str, matrices: tuple[np.ndarray, ...], rows: int | None, columns: int
) -> None:
    shapes = [np.shape(matrix) for matrix in matrices]
    if len(shapes) in (1, 2) and all(len(shape) == 2 and all(shape) for shape in shapes):
        inner = len(shapes) == 1 or shapes[0][1] == shapes[1][0]
        if inner and shapes[-1][1] == columns and rows in (None, shapes[0][0]):
            return
    first = "features" if rows is None else str(rows)
    raise ValueError(
        f"`{name}` must be one matrix ({first}, {columns}), or two of shapes ({first}, rank) and "
        f"(rank, {columns}); received {shapes}."
    )
