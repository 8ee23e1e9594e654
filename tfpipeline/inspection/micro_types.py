"""Which tensor types the kernels of TFLite-Micro accept.

It looks at no versions, so a file with a registered operator can still be refused for its types.
Read from the kernels of tflite-micro at commit 90b983c (20 August 2026), for the operators that
models of this project and their neighbours use; what is not listed is not judged.
"""

from __future__ import annotations

from tfpipeline.inspection.graph import Graph, Operator

_QUANTIZED = frozenset({"float32", "int8", "int16"})
_WITH_INT32 = _QUANTIZED | {"int32"}
_COMPARED = frozenset({"float32", "int32", "int64", "int8"})

#: Types of the operand that decides, which is the first, except where `_DECIDING` says otherwise.
_TYPES: dict[str, frozenset[str]] = {
    "ADD": _WITH_INT32,
    "SUB": _WITH_INT32,
    "MUL": _WITH_INT32,
    "SQUARED_DIFFERENCE": _WITH_INT32,
    "AVERAGE_POOL_2D": _QUANTIZED,
    "MAX_POOL_2D": _QUANTIZED,
    "BATCH_MATMUL": _QUANTIZED,
    "TANH": _QUANTIZED,
    "LOGISTIC": _QUANTIZED,
    "RELU": _QUANTIZED,
    "RELU6": _QUANTIZED,
    "SOFTMAX": _QUANTIZED,
    "MEAN": _QUANTIZED,
    "SUM": _QUANTIZED,
    "TRANSPOSE": _QUANTIZED,
    "EXPAND_DIMS": _QUANTIZED,
    "SELECT_V2": _QUANTIZED,
    "SPLIT": _WITH_INT32,
    "PAD": _WITH_INT32,
    "PADV2": _WITH_INT32,
    "DYNAMIC_UPDATE_SLICE": _WITH_INT32,
    "UNPACK": _WITH_INT32,
    "PACK": _WITH_INT32 | {"int64"},
    "MAXIMUM": _WITH_INT32 | {"int64"},
    "MINIMUM": _WITH_INT32 | {"int64"},
    "SLICE": _WITH_INT32 | {"bool"},
    "STRIDED_SLICE": _WITH_INT32 | {"bool"},
    "CONCATENATION": _WITH_INT32 | {"int64", "bool"},
    "GATHER": frozenset({"float32", "int8"}),
    "GATHER_ND": frozenset({"float32", "int8"}),
    "EMBEDDING_LOOKUP": frozenset({"float32", "int8"}),
    "CAST": _WITH_INT32 | {"uint32", "bool"},
    "QUANTIZE": _WITH_INT32 | {"uint8"},
    "DEQUANTIZE": frozenset({"int8", "int16", "uint8"}),
    "LESS": _COMPARED,
    "LESS_EQUAL": _COMPARED,
    "GREATER": _COMPARED | {"int16"},
    "GREATER_EQUAL": _COMPARED,
    "EQUAL": _COMPARED | {"bool"},
    "NOT_EQUAL": _COMPARED | {"bool"},
    "SVDF": frozenset({"float32", "int8"}),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _QUANTIZED,
}
_DECIDING = {"SELECT_V2": 1, "EMBEDDING_LOOKUP": 1}

#: Types of x and weights that go together: there is no hybrid kernel with float x and int8 weights.
_PAIRS = frozenset({("float32", "float32"), ("int8", "int8"), ("int8", "int4"), ("int16", "int8")})
_PAIRED = {"FULLY_CONNECTED": (0, 1), "CONV_2D": (0, 1), "DEPTHWISE_CONV_2D": (0, 1)}


def refused_types(graph: Graph, operator: Operator) -> str:
    """Return why TFLite-Micro has no kernel for the operator's types; empty when it may have."""
    name = operator.code.name

    def dtype(place: int) -> str:
        number = operator.input(place)
        return graph.tensors[number].dtype if number >= 0 else ""

    if name in _PAIRED:
        pair = tuple(dtype(place) for place in _PAIRED[name])
        return "" if pair in _PAIRS else f"{pair[0]} inputs with {pair[1]} weights"
    accepted = _TYPES.get(name)
    found = dtype(_DECIDING.get(name, 0))
    return "" if accepted is None or not found or found in accepted else f"type {found}"
