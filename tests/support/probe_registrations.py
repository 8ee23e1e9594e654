"""Asks an installed runtime which operators, versions and tensor types it registers.

Call it with litert, tflite_runtime, tensorflow or tflite_micro; it prints the answer as JSON.
`make_operator_table.py` fills the table from it; the tests ask the installed runtimes again.
TFLite-Micro knows no versions, so it is asked about operators only.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tiny_tflite import operator, operator_code, subgraph, tensor, tiny_model

_CUSTOM = 32
_LAST_OPERATOR = 255
_LAST_VERSION = 32
_LAST_TYPE = 30
_CUSTOM_NAMES = (
    "AudioSpectrogram",
    "Mfcc",
    "NumericVerify",
    "TFLite_Detection_PostProcess",
    "CIRCULAR_BUFFER",
    "TFLM_DECODE",
    "SignalDelay",
    "SignalEnergy",
    "SignalFftAutoScale",
    "SignalFilterBank",
    "SignalFilterBankLog",
    "SignalFilterBankSpectralSubtraction",
    "SignalFilterBankSquareRoot",
    "SignalFramer",
    "SignalIrfft",
    "SignalOverlapAdd",
    "SignalPCAN",
    "SignalRfft",
    "SignalStacker",
    "SignalWindow",
    "ethos-u",
    "FlexAdd",
    "Convolution2DTransposeBias",
)
_PACKAGES = {
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite_runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
    "tensorflow": ("tensorflow.lite.python.interpreter", "tensorflow"),
    "tflite_micro": ("tflite_micro.python.tflite_micro.runtime", "tflite-micro"),
}


def _one_operator(code: int, version: int = 1, custom: str | None = None) -> bytes:
    graph = subgraph([tensor([1]), tensor([1])], [0], [1], [operator(0, [0], [1])])
    return tiny_model([operator_code(code, version, custom)], [graph])


def _only_a_code(code: int, version: int) -> bytes:
    graph = subgraph([tensor([1])], [0], [0], [])
    return tiny_model([operator_code(code, version)], [graph])


def _refusal(interpreter: Any, model: bytes, allocate: bool = False) -> str:
    try:
        made = interpreter(model_content=model)
        if allocate:
            made.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        return str(error)
    return ""


def probe_versions(interpreter: Any) -> dict[str, list[int]]:
    """First and last version of every operator that the runtime registers."""
    found = {}
    for code in range(_LAST_OPERATOR + 1):
        if code == _CUSTOM:
            continue
        versions = [
            version
            for version in range(1, _LAST_VERSION + 1)
            if not _refusal(interpreter, _only_a_code(code, version))
        ]
        if versions:
            assert versions == list(range(versions[0], versions[-1] + 1)), (code, versions)
            found[str(code)] = [versions[0], versions[-1]]
    return found


def _only_a_type(code: int) -> bytes:
    return tiny_model([], [subgraph([tensor([4]), tensor([4], code)], [0], [0], [])])


def probe_types(interpreter: Any) -> list[int]:
    """Tensor types that a file may declare."""
    return [
        code
        for code in range(_LAST_TYPE + 1)
        if not _refusal(interpreter, _only_a_type(code), allocate=True)
    ]


def _is_unknown(question: Callable[[], bool]) -> bool:
    # In a process of its own: some kernels crash without their options, which says that they exist.
    child = os.fork()
    if child == 0:
        os._exit(1 if question() else 0)
    return os.waitpid(child, 0)[1] == 1 << 8


def probe_custom(interpreter: Any) -> list[str]:
    """Which of the custom operators that some runtime has are registered in this one."""

    def unknown(name: str) -> bool:
        refusal = _refusal(interpreter, _one_operator(_CUSTOM, 1, name), allocate=True)
        return bool(re.search("unresolved custom op|Select TensorFlow op", refusal))

    return [name for name in _CUSTOM_NAMES if not _is_unknown(partial(unknown, name))]


def _micro_knows(model: bytes) -> bool:
    """Whether TFLite-Micro finds the only operator of a model; it only prints why not."""
    runtime = importlib.import_module(_PACKAGES["tflite_micro"][0])

    def unknown() -> bool:
        with tempfile.TemporaryFile() as log:
            os.dup2(log.fileno(), 2)
            with contextlib.suppress(ValueError, RuntimeError, AttributeError):
                runtime.Interpreter.from_bytes(model, arena_size=20000)
            log.seek(0)
            return b"Failed to get registration" in log.read()

    return not _is_unknown(unknown)


def probe_micro() -> dict[str, Any]:
    """TFLite-Micro's operators; null stands for a version that it does not look at."""
    builtins = [
        code
        for code in range(_LAST_OPERATOR + 1)
        if code != _CUSTOM and _micro_knows(_one_operator(code))
    ]
    custom = [name for name in _CUSTOM_NAMES if _micro_knows(_one_operator(_CUSTOM, 1, name))]
    runtime = importlib.import_module(_PACKAGES["tflite_micro"][0])

    def refuses(code: int) -> bool:
        try:
            runtime.Interpreter.from_bytes(_only_a_type(code), arena_size=20000)
        except (ValueError, RuntimeError):
            return True
        return False

    return {
        "operators": {str(code): None for code in builtins},
        "custom": custom,
        "types": [code for code in range(_LAST_TYPE + 1) if not refuses(code)],
    }


def main(name: str) -> None:
    module, package = _PACKAGES[name]
    source = f"{package} {importlib.metadata.version(package)}"
    if name == "tflite_micro":
        answer = probe_micro()
    else:
        interpreter = importlib.import_module(module).Interpreter
        answer = {
            "operators": probe_versions(interpreter),
            "custom": probe_custom(interpreter),
            "types": probe_types(interpreter),
        }
    print(json.dumps({"source": source, **answer}))


if __name__ == "__main__":
    main(sys.argv[1])
