"""The weights of a recurrent layer, as EdgeML's byte quantization takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.numerics.byte_cells import SCALARS, CellWeights
from tfpipeline.numerics.byte_cells.integer_cell import GATE_SHIFTS
from tfpipeline.protocol import RecurrentStep

_ACTIVATION = "quant_tanh"
#: A scalar that float32 rounded to 0 or 1 has no logit.
_EDGE = 1e-9


@dataclass(frozen=True, eq=False)
class Classifier:
    """A dense layer: `kernel` `(units, classes)` and `bias` `(classes,)`."""

    kernel: np.ndarray
    bias: np.ndarray


def weights_of_step(step: RecurrentStep, classifier: Classifier | None) -> CellWeights:
    """Return the trained numbers of a FastRNN or FastGRNN.

    Raises:
        ValueError: the cell, or a function of it, has no integer form.
    """
    if step.cell not in SCALARS:
        raise ValueError(
            f"a layer of cell {step.cell!r} has no step in integers alone: expected "
            f"{' or '.join(SCALARS)}; export a .tflite file for it."
        )
    if step.layer_norm is not None:
        raise ValueError(
            "a layer with normalization='layer' has no step in integers alone, which have no root: "
            "train it with normalization='weight', or export a .tflite file for it."
        )
    _check_functions(step)
    bias, scalars = np.asarray(step.bias, np.float64), _attributes(step)
    if step.cell == "fast_grnn":
        bias = np.stack([bias[0], bias[0] + bias[1]])
    else:
        alpha = bias[1]
        if np.ptp(alpha) > 0:
            raise ValueError(
                "a FastRNN with an alpha for each unit has no step in integers alone; train it "
                "without `vector_alpha`."
            )
        scalars = {
            "alpha": float(alpha[0]),
            "beta": scalars["zeta"] * (1 - float(alpha[0])) + scalars["nu"],
        }
        bias = bias[:1]
    return CellWeights(
        cell=step.cell,
        kernel=tuple(step.kernel),
        recurrent_kernel=tuple(step.recurrent_kernel),
        bias=bias,
        logits={name: _logit(value) for name, value in scalars.items()},
        classifier=None if classifier is None else classifier.kernel,
        classifier_bias=None if classifier is None else classifier.bias,
    )


def gate_name(step: RecurrentStep) -> str | None:
    """Return the name of the gate's function without its package."""
    return None if step.recurrent_activation is None else _plain(step.recurrent_activation)


def _check_functions(step: RecurrentStep) -> None:
    found: dict[str, tuple[str, tuple[str, ...]]] = {
        "activation": (_plain(step.activation), (_ACTIVATION,))
    }
    gate = gate_name(step)
    if gate is not None:
        found["recurrent_activation"] = (gate, tuple(GATE_SHIFTS))
    for argument, (name, known) in found.items():
        if name not in known:
            raise ValueError(
                f"`{argument}` must be {' or '.join(map(repr, known))} for a step in integers "
                f"alone; received {name!r}: train with piecewise-linear functions."
            )


def _attributes(step: RecurrentStep) -> dict[str, float]:
    return {name: float(str(step.attributes[name])) for name in ("zeta", "nu")}


def _plain(name: str) -> str:
    return name.rpartition(">")[2]


def _logit(value: float) -> float:
    inside = min(max(value, _EDGE), 1 - _EDGE)
    return float(np.log(inside / (1 - inside)))
