"""What each builtin op of a converted float graph needs in an integer format.

Every rule follows TensorFlow Lite's quantization specification: which outputs share their input's
scale, which have a fixed one, and which operands must agree. Ops without a rule stay in float32;
`lowering.py` converts around them and the report names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.modes import INT8, INT16
from tfpipeline.export.quantize.quantization import (
    SIGMOID_OUTPUT,
    TANH_OUTPUT,
    UNIT_INT16,
    Quantization,
)


@dataclass(frozen=True)
class OpRule:
    """One op in integer formats.

    Args:
        versions: The op version that each format needs; a format that is missing has no kernel.
        same_scale: The output has its first activation input's quantization.
        inputs_like_output: Inputs must have the output's quantization.
        outputs: A quantization that the runtime's kernel prescribes, by format.
    """

    versions: Mapping[str, int]
    same_scale: bool = False
    inputs_like_output: bool = False
    outputs: Mapping[str, Quantization] = field(default_factory=dict)


def _versions(int8: int, int16: int | None = None) -> dict[str, int]:
    return {INT8: int8} if int16 is None else {INT8: int8, INT16: int16}


_SIGMOID = {INT8: SIGMOID_OUTPUT, INT16: UNIT_INT16}
_TANH = {INT8: TANH_OUTPUT, INT16: UNIT_INT16}

RULES: Mapping[str, OpRule] = {
    # Products: `products.py` writes them.
    "FULLY_CONNECTED": OpRule(_versions(5, 7)),
    "CONV_2D": OpRule(_versions(3, 4)),
    "DEPTHWISE_CONV_2D": OpRule(_versions(3, 5)),
    # The same values in another shape.
    "RESHAPE": OpRule(_versions(1, 1), same_scale=True),
    "SQUEEZE": OpRule(_versions(1, 2), same_scale=True),
    "EXPAND_DIMS": OpRule(_versions(1, 1), same_scale=True),
    "TRANSPOSE": OpRule(_versions(2, 4), same_scale=True),
    "SLICE": OpRule(_versions(2, 4), same_scale=True),
    "STRIDED_SLICE": OpRule(_versions(2, 4), same_scale=True),
    "SPLIT": OpRule(_versions(2, 4), same_scale=True),
    "UNPACK": OpRule(_versions(2, 4), same_scale=True),
    "GATHER": OpRule(_versions(2, 4), same_scale=True),
    "REVERSE_V2": OpRule(_versions(3), same_scale=True),
    "PAD": OpRule(_versions(2, 3), same_scale=True),
    "MAX_POOL_2D": OpRule(_versions(2, 3), same_scale=True),
    "AVERAGE_POOL_2D": OpRule(_versions(2, 3), same_scale=True),
    "REDUCE_MAX": OpRule(_versions(2, 3), same_scale=True),
    "REDUCE_MIN": OpRule(_versions(2, 3), same_scale=True),
    # Several inputs of one scale.
    "CONCATENATION": OpRule(_versions(2, 3), inputs_like_output=True),
    "PACK": OpRule(_versions(2, 2), inputs_like_output=True),
    "MAXIMUM": OpRule(_versions(2, 3), inputs_like_output=True),
    "MINIMUM": OpRule(_versions(2, 3), inputs_like_output=True),
    # Arithmetic.
    "ADD": OpRule(_versions(2, 3)),
    "SUB": OpRule(_versions(3, 5)),
    "MUL": OpRule(_versions(2, 4)),
    "MEAN": OpRule(_versions(2, 3)),
    "SUM": OpRule(_versions(2)),
    # Functions.
    "RELU": OpRule(_versions(2, 3)),
    "RELU6": OpRule(_versions(2, 3)),
    "LEAKY_RELU": OpRule(_versions(1, 2)),
    "HARD_SWISH": OpRule(_versions(1)),
    "GELU": OpRule(_versions(2)),
    "ELU": OpRule(_versions(1)),
    "LOGISTIC": OpRule(_versions(2, 3), outputs=_SIGMOID),
    "SOFTMAX": OpRule(_versions(2, 3), outputs=_SIGMOID),
    "TANH": OpRule(_versions(2, 3), outputs=_TANH),
}


def rule_of(op: FloatOperator) -> OpRule | None:
    """Return the rule of an op, or None where it can only be computed in float32."""
    return RULES.get(op.code) if op.custom is None else None


def has_kernel(op: FloatOperator, activations: str) -> bool:
    """Return whether the runtimes compute an op in an integer format."""
    rule = rule_of(op)
    return rule is not None and activations in rule.versions
