"""OpenVINO: GRU and LSTM with float32 weights, computed in float32, or in bfloat16 where it can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from recurrent_weights import LayerWeights

from rivals.rival import NotOffered, Rival, Running

#: Of the gates in OpenVINO.
ORDER = {"gru": "zrh", "lstm": "fico"}


def _model(stack: Sequence[LayerWeights], frames: int) -> Any:
    import openvino
    from openvino import opset8

    x = opset8.parameter([1, frames, stack[0].features], np.float32, name="x")
    at = x
    lengths = np.array([frames], np.int64)
    for layer in stack:
        rows = layer.rows_in(ORDER[layer.cell])
        kernels = [
            matrix[rows][None].astype(np.float32)
            for matrix in (layer.real_kernel(), layer.real_recurrent())
        ]
        zeros = np.zeros((1, 1, layer.units), np.float32)
        bias = layer.bias[:, rows]
        if layer.cell == "gru":
            # Update and reset take one sum of both biases, the candidate takes them apart.
            given, own = bias.reshape(2, 3, layer.units)
            bias = np.concatenate([given[:2] + own[:2], given[2:], own[2:]])
            node = opset8.gru_sequence(
                *(at, zeros, lengths, *kernels, bias.reshape(1, -1)),
                hidden_size=layer.units,
                direction="forward",
                linear_before_reset=True,
            )
        else:
            node = opset8.lstm_sequence(
                *(at, zeros, zeros, lengths, *kernels, bias.reshape(1, -1)),
                hidden_size=layer.units,
                direction="forward",
            )
        at = opset8.squeeze(node.output(0), np.array([1], np.int64))
    return openvino.Model([at], [x], "recurrent")


def _starter(precision: str) -> Callable[[Sequence[LayerWeights], np.ndarray, int], Running]:
    def start(stack: Sequence[LayerWeights], x: np.ndarray, threads: int) -> Running:
        import openvino

        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property(
            "CPU", "OPTIMIZATION_CAPABILITIES"
        ):
            raise NotOffered("OpenVINO has no bfloat16 on this processor")
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        request = core.compile_model(_model(stack, len(x)), "CPU", options).create_infer_request()
        request.set_input_tensor(openvino.Tensor(np.ascontiguousarray(x[None])))
        return Running(request.infer, lambda: request.get_output_tensor(0).data[0].copy())

    return start


# Another order of the same float32 sums.
FLOAT = Rival("OpenVINO float", "openvino", ("gru", "lstm"), 1e-3, _starter("f32"))
# Eight bits of mantissa in weights, activations and states.
BFLOAT16 = Rival("OpenVINO bfloat16", "openvino", ("gru", "lstm"), 0.05, _starter("bf16"))
