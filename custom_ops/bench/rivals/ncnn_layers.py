"""ncnn: GRU and LSTM in float32 and with dynamic int8, from files in its own format."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from recurrent_weights import LayerWeights

from rivals.rival import Rival, Running

#: Of the gates in ncnn.
ORDER = {"gru": "rzh", "lstm": "ifoc"}
#: Begins a list of parameters, of weights in float32 and of weights in int8.
_MAGIC, _FLOAT, _INT8 = 7767517, 0, 0x000D4B38


def param_text(stack: Sequence[LayerWeights], int8: bool) -> str:
    """Return the network: one layer after another, from `x` to `y`."""
    lines = [str(_MAGIC), f"{len(stack) + 1} {len(stack) + 1}", "Input x 0 1 x"]
    at = "x"
    for number, layer in enumerate(stack):
        to = "y" if number == len(stack) - 1 else f"h{number}"
        options = f"0={layer.units} 1={layer.kernel.size} 2=0{' 8=2' if int8 else ''}"
        lines.append(f"{layer.cell.upper()} layer{number} 1 1 {at} {to} {options}")
        at = to
    return "\n".join(lines) + "\n"


def weight_bytes(stack: Sequence[LayerWeights], int8: bool) -> bytes:
    """Return the weights of the layers in the order in which ncnn reads them."""
    return b"".join(part for layer in stack for part in _weights(layer, int8))


def _weights(layer: LayerWeights, int8: bool) -> list[bytes]:
    rows = layer.rows_in(ORDER[layer.cell])
    bias = layer.bias[:, rows]
    if layer.cell == "gru":
        # Reset and update take one sum of both biases, the candidate takes them apart.
        given, own = bias.reshape(2, 3, layer.units)
        bias = np.concatenate([given[:2] + own[:2], given[2:], own[2:]])
    matrices = [(layer.kernel, layer.real_kernel()), (layer.recurrent, layer.real_recurrent())]
    kernel, recurrent = (_tagged(m[rows] if int8 else r[rows]) for m, r in matrices)
    parts = [kernel, _tagged(bias), recurrent]
    if int8:
        # ncnn's scales multiply a weight to make its integer.
        scales = (layer.kernel_scales, layer.recurrent_scales)
        parts += [(1.0 / scale[rows]).astype(np.float32).tobytes() for scale in scales]
    return parts


def _tagged(values: np.ndarray) -> bytes:
    is_int8 = values.dtype == np.int8
    data = (values if is_int8 else values.astype(np.float32)).tobytes()
    return struct.pack("<I", _INT8 if is_int8 else _FLOAT) + data + bytes(-len(data) % 4)


def _starter(int8: bool) -> Callable[[Sequence[LayerWeights], np.ndarray, int], Running]:
    def start(stack: Sequence[LayerWeights], x: np.ndarray, threads: int) -> Running:
        import ncnn

        net = ncnn.Net()
        net.opt.num_threads = threads
        net.opt.use_vulkan_compute = False
        if not int8:
            # On by itself where the processor has it; then it would not be float32.
            net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
            net.opt.use_bf16_storage = False
        with tempfile.TemporaryDirectory(prefix="tfpipeline-ncnn-") as folder:
            param, weights = Path(folder) / "net.param", Path(folder) / "net.bin"
            param.write_text(param_text(stack, int8), encoding="ascii")
            weights.write_bytes(weight_bytes(stack, int8))
            if net.load_param(str(param)) or net.load_model(str(weights)):
                raise RuntimeError("ncnn did not load the network")
        given = ncnn.Mat(np.ascontiguousarray(x)).clone()
        last: list[object] = []

        def invoke() -> None:
            with net.create_extractor() as extractor:
                extractor.input("x", given)
                status, found = extractor.extract("y")
            if status:
                raise RuntimeError(f"ncnn ended with status {status}")
            last[:] = [found]

        return Running(invoke, lambda: np.array(last[0]))

    return start


# Another order of the same float32 sums, and an exponential of its own.
FLOAT = Rival("ncnn float", "ncnn", ("gru", "lstm"), 1e-3, _starter(False))
# Activations of 8 bits in every step, and the state carries their errors on; gates in a wrong order
# are off by ten times as much.
INT8 = Rival("ncnn int8", "ncnn", ("gru", "lstm"), 0.06, _starter(True))
