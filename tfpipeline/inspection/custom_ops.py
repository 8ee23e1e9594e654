"""Who provides a custom operator, and what its options say."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from tfpipeline.inspection.graph import CUSTOM, ModelGraph, Operator
from tfpipeline.inspection.operator_table import registrations
from tfpipeline.numerics.ops import OPS

PLUGIN, SELECT, RUNTIME, UNKNOWN = "tfpipeline", "TensorFlow Select", "runtime", "unknown"
OUR_PREFIX = "tfpipeline."
_SELECT_PREFIX = "Flex"
_RUNTIMES = ("ai-edge-litert", "tflite-micro")
#: Far more than any of ours has.
_MAX_OPTIONS = 1024


@dataclass(frozen=True)
class CustomOp:
    """One custom node.

    Args:
        name: The operator.
        provider: "tfpipeline" (our plug-in), "TensorFlow Select", "runtime" (some runtime has it
            built in) or "unknown".
        options: The decoded options of our own operators; empty for those of others.
        problem: Why the plug-in would refuse it; empty when nothing is known against it.
        option_bytes: Length of the options as stored.
    """

    name: str
    provider: str
    options: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    option_bytes: int = 0


def provider_of(name: str) -> str:
    """Return who brings the kernel of a custom operator."""
    if name.startswith(OUR_PREFIX):
        return PLUGIN
    if name.startswith(_SELECT_PREFIX):
        return SELECT
    if any(name in registrations(package).custom for package in _RUNTIMES):
        return RUNTIME
    return UNKNOWN


def count_custom_ops(model: ModelGraph) -> list[tuple[CustomOp, int]]:
    """Return the custom nodes; those that nothing tells apart are described once, and counted."""
    found: Counter[tuple[str, bytes | int]] = Counter(
        (operator.code.custom, _distinct(operator))
        for graph in model.graphs
        for operator in graph.operators
        if operator.code.name == CUSTOM
    )
    uses: dict[tuple[str, bytes | int | str], tuple[CustomOp, int]] = {}
    for (name, given), count in found.items():
        op = describe_custom_op(name, given)
        key = name, op.problem or given
        uses[key] = (op, count + (uses[key][1] if key in uses else 0))
    return list(uses.values())


def describe_custom_op(name: str, options: bytes | int) -> CustomOp:
    """Decode one node's options.

    Args:
        name: The operator.
        options: The bytes of an operator of ours; of others their number is enough.
    """
    provider = provider_of(name)
    size = options if isinstance(options, int) else len(options)
    if provider != PLUGIN:
        return CustomOp(name, provider, option_bytes=size)
    if name not in OPS:
        problem = f"{name} is not an operator of this tfpipeline: upgrade it"
        return CustomOp(name, provider, problem=problem, option_bytes=size)
    try:
        decoded = asdict(OPS[name].unpack(b"" if isinstance(options, int) else options))
    except ValueError as error:
        return CustomOp(name, provider, problem=str(error), option_bytes=size)
    return CustomOp(name, provider, decoded, option_bytes=size)


def our_options(operator: Operator) -> Any:
    """Return the decoded options of a node of ours; None for another's, or damaged ones."""
    given = _distinct(operator)
    if operator.code.name != CUSTOM or isinstance(given, int):
        return None
    try:
        return OPS[operator.code.custom].unpack(given)
    except ValueError:
        return None


def _distinct(operator: Operator) -> bytes | int:
    """Return what nodes of one operator differ in: the options of ours, the length of others."""
    size = len(operator.options)
    ours = operator.code.custom in OPS and size <= _MAX_OPTIONS
    return bytes(operator.options) if ours else size
