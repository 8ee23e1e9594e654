"""Who provides a custom operator, and what its options say."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from tfpipeline.inspection.operator_table import registrations
from tfpipeline.numerics.fully_connected_options import OP_NAME as FULLY_CONNECTED
from tfpipeline.numerics.fully_connected_options import FullyConnectedOptions
from tfpipeline.numerics.gru_options import GruOptions
from tfpipeline.numerics.lstm_options import LstmOptions

OPTIONS: dict[str, Any] = {
    GruOptions.OP_NAME: GruOptions,
    LstmOptions.OP_NAME: LstmOptions,
    FULLY_CONNECTED: FullyConnectedOptions,
}

PLUGIN, SELECT, RUNTIME, UNKNOWN = "tfpipeline", "TensorFlow Select", "runtime", "unknown"
OUR_PREFIX = "tfpipeline."
_SELECT_PREFIX = "Flex"
_RUNTIMES = ("ai-edge-litert", "tflite-micro")


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
    """Who brings the kernel of a custom operator."""
    if name.startswith(OUR_PREFIX):
        return PLUGIN
    if name.startswith(_SELECT_PREFIX):
        return SELECT
    if any(name in registrations(package).custom for package in _RUNTIMES):
        return RUNTIME
    return UNKNOWN


def describe_custom_op(name: str, options: bytes) -> CustomOp:
    """Decodes one node's options as far as they are ours."""
    provider = provider_of(name)
    if provider != PLUGIN:
        return CustomOp(name, provider, option_bytes=len(options))
    kind = OPTIONS.get(name)
    if kind is None:
        problem = f"{name} is not an operator of this tfpipeline: upgrade it"
        return CustomOp(name, provider, problem=problem, option_bytes=len(options))
    try:
        decoded = asdict(kind.unpack(options))
    except ValueError as error:
        return CustomOp(name, provider, problem=str(error), option_bytes=len(options))
    return CustomOp(name, provider, decoded, option_bytes=len(options))
