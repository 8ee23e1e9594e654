"""What the wake word runtime of ESPHome refuses: TFLite-Micro with twenty operators.

Source: ESPHome's component `micro_wake_word` (`streaming_model.cpp`, `preprocessor_settings.h`, and
the features that it makes in `micro_wake_word.cpp`).
"""

from __future__ import annotations

from collections import Counter

from tfpipeline.inspection.graph import ModelGraph, Tensor

OPERATORS = frozenset(
    {
        "CALL_ONCE",
        "VAR_HANDLE",
        "RESHAPE",
        "READ_VARIABLE",
        "STRIDED_SLICE",
        "CONCATENATION",
        "ASSIGN_VARIABLE",
        "CONV_2D",
        "MUL",
        "ADD",
        "MEAN",
        "FULLY_CONNECTED",
        "LOGISTIC",
        "QUANTIZE",
        "DEPTHWISE_CONV_2D",
        "AVERAGE_POOL_2D",
        "MAX_POOL_2D",
        "PAD",
        "PACK",
        "SPLIT_V",
    }
)
"""All that it registers."""
FEATURES = 40
"""Channels of its front end."""
MOST_VARIABLES = 20
"""Of a model. What the runtime knows of them lies in 1,024 bytes of their own, their values in the
tensor arena, which is as large as the manifest says."""
INPUT = (26.0 / 256.0, -128)
"""Scale and zero point in which the device stores features, whatever a model says."""
OUTPUT = (1.0 / 256.0, 0)
"""Those in which it reads the probability."""
_SAME_SCALE = 5e-3
"""microWakeWord writes 26 / 255, with which the largest feature is one step away."""


def refused(model: ModelGraph) -> Counter[tuple[str, str]]:
    """Return what it refuses in a file: the thing, the reason, and how often."""
    found: Counter[tuple[str, str]] = Counter()
    for graph in model.graphs:
        for operator in graph.operators:
            if operator.code.name not in OPERATORS:
                found[operator.code.label, "not among its twenty operators"] += 1
    main = model.graphs[0]
    handles = sum(operator.code.name == "VAR_HANDLE" for operator in main.operators)
    if handles > MOST_VARIABLES:
        found[f"{handles} variables", f"more than {MOST_VARIABLES}"] += 1
    for what, numbers, shape, dtype, quantization in (
        ("inputs", main.inputs, "(1, stride, 40)", "int8", INPUT),
        ("outputs", main.outputs, "(1, 1)", "uint8", OUTPUT),
    ):
        if len(numbers) != 1:
            found[f"{len(numbers)} {what}", "it has one"] += 1
            continue
        tensor = main.tensors[numbers[0]]
        if tensor.dtype != dtype:
            found[f"{tensor.dtype} {what}", f"it has {dtype}"] += 1
        elif not _has(tensor, *quantization):
            scale, zero = quantization
            reason = f"it has scale {scale:g} and zero point {zero}"
            found[f"scale of the {what}", reason] += 1
        fits = tensor.shape == (1, 1)
        if what == "inputs":
            fits = len(tensor.shape) == 3 and tensor.shape[::2] == (1, FEATURES)
        if not fits:
            found[f"{what} of shape {tensor.shape}", f"it has {shape}"] += 1
    return found


def _has(tensor: Tensor, scale: float, zero: int) -> bool:
    found = tensor.quantization
    if found is None or len(found.scales) != 1 or len(found.zero_points) != 1:
        return False
    close = abs(float(found.scales[0]) / scale - 1.0) < _SAME_SCALE
    return close and int(found.zero_points[0]) == zero
