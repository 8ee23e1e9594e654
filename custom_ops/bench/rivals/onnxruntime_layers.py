"""onnxruntime: GRU and LSTM in float32, and its LSTM with weights of 8 bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from recurrent_weights import LayerWeights

from rivals.onnx_model import float_node, int8_node, make_model
from rivals.rival import Rival, Running


def _starter(
    node: Callable[..., object],
) -> Callable[[Sequence[LayerWeights], np.ndarray, int], Running]:
    def start(stack: Sequence[LayerWeights], x: np.ndarray, threads: int) -> Running:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Waiting threads would take time from the contender that comes next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        session = onnxruntime.InferenceSession(
            make_model(stack, len(x), node), options, providers=["CPUExecutionProvider"]
        )
        # Bound once, as the other runtimes keep their inputs and outputs.
        y = np.zeros((len(x), 1, stack[-1].units), np.float32)
        given = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(x[:, None]))
        put_out = onnxruntime.OrtValue.ortvalue_from_numpy(y)
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", given)
        binding.bind_ortvalue_output("y", put_out)
        return Running(
            lambda: session.run_with_iobinding(binding), lambda: put_out.numpy()[:, 0].copy()
        )

    return start


# Another order of the same float32 sums.
FLOAT = Rival("onnxruntime float", "onnxruntime", ("gru", "lstm"), 1e-4, _starter(float_node))
# Activations of 8 bits in every step, and the state carries their errors on; gates in a wrong order
# are off by ten times as much.
INT8 = Rival("onnxruntime int8", "onnxruntime", ("lstm",), 0.06, _starter(int8_node))
