"""ONNX files of recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from recurrent_weights import LayerWeights

#: Of the gates in ONNX.
ORDER = {"gru": "zrh", "lstm": "iofc"}
_OPSET, _IR = 17, 8


def bias_of(layer: LayerWeights, rows: np.ndarray) -> np.ndarray:
    """Return the bias `(1, 2 * rows)`: that of the inputs, and that of the state."""
    own = layer.bias[1] if len(layer.bias) == 2 else np.zeros_like(layer.bias[0])
    return np.concatenate([layer.bias[0][rows], own[rows]])[None].astype(np.float32)


def make_model(
    stack: Sequence[LayerWeights],
    frames: int,
    node: Callable[[LayerWeights, str, str], tuple[Any, dict[str, np.ndarray]]],
) -> bytes:
    """Return a model from `x (frames, 1, features)` to `y (frames, 1, units)`.

    Args:
        stack: The layers.
        frames: Time steps.
        node: `(layer, input, output) -> (node, its constants by name)`; the output is
            `(frames, 1, 1, units)`.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], {"axis": np.array([1], np.int64)}
    at = "x"
    for number, layer in enumerate(stack):
        made, its = node(layer, at, f"all{number}")
        at = "y" if number == len(stack) - 1 else f"h{number}"
        nodes += [made, helper.make_node("Squeeze", [f"all{number}", "axis"], [at])]
        constants |= its
    shapes = {"x": stack[0].features, "y": stack[-1].units}
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [frames, 1, size])
        for name, size in shapes.items()
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "recurrent", values[:1], values[1:], initializers)
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
    return bytes(onnx.ModelProto.SerializeToString(model))


def float_node(layer: LayerWeights, x: str, y: str) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a GRU or LSTM in float32."""
    from onnx import helper

    rows = layer.rows_in(ORDER[layer.cell])
    constants = {
        f"W_{y}": layer.real_kernel()[rows][None].astype(np.float32),
        f"R_{y}": layer.real_recurrent()[rows][None].astype(np.float32),
        f"B_{y}": bias_of(layer, rows),
    }
    after = {"linear_before_reset": 1} if layer.cell == "gru" else {}
    made = helper.make_node(
        layer.cell.upper(), [x, *constants], [y], hidden_size=layer.units, **after
    )
    return made, constants


def int8_node(layer: LayerWeights, x: str, y: str) -> tuple[Any, dict[str, np.ndarray]]:
    """Return onnxruntime's DynamicQuantizeLSTM with the weights as they are, a scale a row."""
    from onnx import helper

    rows = layer.rows_in(ORDER[layer.cell])
    zeros = np.zeros((1, len(rows)), np.int8)
    constants = {
        f"W_{y}": np.ascontiguousarray(layer.kernel[rows].T)[None],
        f"R_{y}": np.ascontiguousarray(layer.recurrent[rows].T)[None],
        f"B_{y}": bias_of(layer, rows),
    }
    scales = {
        f"W_scale_{y}": layer.kernel_scales[rows][None],
        f"W_zero_{y}": zeros,
        f"R_scale_{y}": layer.recurrent_scales[rows][None],
        f"R_zero_{y}": zeros,
    }
    # Between them: lengths, initial states and peepholes, which there are none of.
    made = helper.make_node(
        "DynamicQuantizeLSTM",
        [x, *constants, "", "", "", "", *scales],
        [y],
        hidden_size=layer.units,
        domain="com.microsoft",
    )
    return made, {**constants, **scales}
