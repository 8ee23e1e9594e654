"""Runs one-node models of an op in whatever runtime is installed; needs numpy only besides it.

python run_op.py LIBRARY CASES.npz OUTPUTS.npz
"""

from __future__ import annotations

import ctypes
import importlib
import sys

import numpy as np


def main(library: str, cases_file: str, outputs: str) -> None:
    try:
        module = importlib.import_module("ai_edge_litert.interpreter")
    except ImportError:
        module = importlib.import_module("tflite_runtime.interpreter")
    cases, results = np.load(cases_file), {}
    for name in sorted({key.split("/")[0] for key in cases}):
        delegate = module.load_delegate(library)
        model = cases[f"{name}/model"].tobytes()
        it = module.Interpreter(model_content=model, experimental_delegates=[delegate])
        it.allocate_tensors()
        for i, detail in enumerate(it.get_input_details()):
            it.set_tensor(detail["index"], cases[f"{name}/input{i}"])
        it.invoke()
        for i, detail in enumerate(it.get_output_details()):
            results[f"{name}/output{i}"] = it.get_tensor(detail["index"])
    np.savez(outputs, **results)
    best = ctypes.CDLL(library).tfpipeline_best_isa
    best.restype = ctypes.c_char_p
    print(module.__name__, best().decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
