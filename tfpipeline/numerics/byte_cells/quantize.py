"""EdgeML's byte quantization: one scale for a whole cell."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tfpipeline.numerics.byte_cells.cell_weights import SCALAR_SCALE, ByteWeights, CellWeights

_LIMIT = 127


def quantize_bytes(weights: CellWeights) -> ByteWeights:
    """Return a trained cell in the integers that EdgeML stores.

        S    = round((2 * 127 + 1) / (2 * max|w|)),   w: every number of W, U and b
        q    = clip(round(S * w), -128, 127)
        S_c  = (2 * 127 + 1) / (2 * max|w|),          w: classifier and its bias; not rounded
        s    = round(1000 * sigmoid(logit))

    All of it in float64; ties round to even. Positive numbers near the largest one are cut to 127,
    as there, and the matrix that holds it decides the resolution of all others.

    Source: Kusupati et al. 2018, section 3.3; Microsoft's EdgeML library, whose script quantizes
    FastCells. With these integers train with piecewise-linear functions (`quant_tanh`,
    `quant_sigmoid`).

    Raises:
        ValueError: all weights are 0, or one is so large that no whole scale is left.
    """
    largest = _largest("matrices and biases of the cell", weights.of_cell())
    scale = np.rint(_numerator() / (2 * largest))
    if scale < 1 or scale >= 1 << 24:
        raise ValueError(
            "the largest weight must lie between 2^-16 and 255 to have a whole scale; "
            f"received {largest:.6g}."
        )
    classifier_scale = 1.0
    if weights.classifier is not None:
        classifier = _largest("classifier and its bias", weights.of_classifier())
        classifier_scale = float(_numerator() / (2 * classifier))

    def to_bytes(array: np.ndarray | None, by: float) -> np.ndarray | None:
        return None if array is None else _to_bytes(array, by)

    return ByteWeights(
        cell=weights.cell,
        kernel=tuple(_to_bytes(w, scale) for w in weights.kernel),
        recurrent_kernel=tuple(_to_bytes(u, scale) for u in weights.recurrent_kernel),
        bias=_to_bytes(weights.bias, scale),
        classifier=to_bytes(weights.classifier, classifier_scale),
        classifier_bias=to_bytes(weights.classifier_bias, classifier_scale),
        scale=int(scale),
        scalars={name: scalar_to_integer(logit) for name, logit in weights.logits.items()},
        classifier_scale=classifier_scale,
    )


def scalar_to_integer(logit: float) -> int:
    """Return the sigmoid of a logit in thousandths."""
    # Written with tanh, it has no overflow.
    return int(np.rint(SCALAR_SCALE * (0.5 + 0.5 * np.tanh(0.5 * np.float64(logit)))))


def _numerator() -> float:
    return 2.0 * _LIMIT + 1.0


def _to_bytes(array: np.ndarray, scale: float) -> np.ndarray:
    levels = np.rint(np.asarray(array, np.float64) * scale)
    return np.clip(levels, -_LIMIT - 1, _LIMIT).astype(np.int8)


def _largest(what: str, arrays: Iterable[np.ndarray]) -> float:
    largest = max(float(np.max(np.abs(np.asarray(a, np.float64)))) for a in arrays)
    if largest == 0:
        raise ValueError(f"{what} must not all be 0: there is no scale for them.")
    return largest
