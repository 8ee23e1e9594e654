"""Runs a one-op model in one runtime: RUNTIME LIBRARY MODEL INPUTS.npz OUTPUTS.npz

A script of its own, because tflite-runtime wants its own environment, and TensorFlow its own
process. It needs numpy and the runtime, nothing else.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def classes_of(runtime: str) -> tuple[Any, Any]:
    """The interpreter's class and what loads a delegate."""
    if runtime == "tf":
        import tensorflow as tf

        return tf.lite.Interpreter, tf.lite.experimental.load_delegate
    if runtime == "tflite_runtime":
        from tflite_runtime.interpreter import Interpreter, load_delegate
    else:
        from ai_edge_litert.interpreter import Interpreter, load_delegate
    return Interpreter, load_delegate


def main(runtime: str, library: str, model: str, inputs: str, outputs: str) -> None:
    make, load_delegate = classes_of(runtime)
    given = np.load(inputs)
    results = {}
    for isa in given["isas"]:
        delegate = load_delegate(library, options={"isa": str(isa)})
        interpreter = make(model_path=model, experimental_delegates=[delegate], num_threads=1)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], given[detail["name"]])
        interpreter.invoke()
        for detail in interpreter.get_output_details():
            results[f"{isa}_{detail['name']}"] = interpreter.get_tensor(detail["index"])
    np.savez(outputs, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
