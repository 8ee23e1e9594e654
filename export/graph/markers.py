"""What stands in a float graph for a layer that the converter must not see: markers, scopes.

A marker is one custom op that carries nothing but a number, the index of what it stands for. Ops
of other layers are told apart by the scopes in the names of their outputs. Knows neither Keras nor
TensorFlow: `trace/markers_in_keras.py` puts both into a model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import flatbuffers.flexbuffers

from tfpipeline.protocol import RecurrentStep

MARKER = "tfpipeline.marker"
_SCOPE = re.compile(r"tfp_layer_(\d+)(?:_\d+)?/?")


@dataclass(frozen=True)
class MarkedLayer:
    """A recurrent layer of the model: its name and what it computes."""

    name: str
    step: RecurrentStep


@dataclass(frozen=True)
class Delay:
    """Puts the last `frames` frames of the past in front of its input, along axis 1.

    Args:
        name: The layer that needs them.
        frames: How many.
    """

    name: str
    frames: int


Marked = MarkedLayer | Delay
"""What a marker stands for."""


def marker_index(custom_options: bytes) -> int:
    """Return the number that a marker op of the converted graph carries."""
    index: int = flatbuffers.flexbuffers.Loads(custom_options)["index"]
    return index


def scope_of(number: int) -> str:
    """Return the scope in which the layer of a number is traced."""
    return f"tfp_layer_{number}"


def number_in_scope(tensor_name: str) -> int | None:
    """Return the number of the layer in whose scope an op was traced, from its output's name."""
    found = _SCOPE.findall(tensor_name.split(";")[0])
    return int(found[-1]) if found else None


def clean_name(tensor_name: str, layer: str | None) -> str:
    """Return a tensor's name without what tracing and converting added to it."""
    first = tensor_name.split(";")[0]
    found = list(_SCOPE.finditer(first))
    if not found or layer is None:
        return first
    return f"{layer}/{first[found[-1].end() :]}".rstrip("/")
