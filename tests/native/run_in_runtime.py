"""Runs a one-op model in one runtime: RUNTIME LIBRARY MODEL INPUTS.npz OUTPUTS.npz

A script of its own, because tflite-runtime wants its own environment, and TensorFlow its own
process. It needs numpy and the runtime, nothing else.
"""

from __future__ import annotations

import sys

import numpy as np


def main(runtime: str, library: str, model: str, inputs: str, outputs: str) -> None:
    if runtime == "tf":
        import tensorflow as tf

        make, load_delegate = tf.lite.Interpreter, tf.lite.experimental.load_delegate
    elif runtime == "tflite_runtime":
        from tflite_runtime.interpreter import Interpreter as make
        from tflite_runtime.interpreter import load_delegate
    else:
        from ai_edge_litert.interpreter import Interpreter as make
        from ai_edge_litert.interpreter import load_delegate
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
