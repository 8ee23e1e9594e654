"""Runs models in one runtime, as often as it is asked to: RUNTIME LIBRARY

A script of its own, because tflite-runtime wants its own environment, and TensorFlow its own
process, whose start takes seconds. It needs numpy and the runtime, nothing else. A line of standard
input asks for a run, as a JSON list: what to run, MODEL, INPUTS.npz, OUTPUTS.npz. A line that
begins with REPLY answers: nothing behind it, or what went wrong.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

REPLY = "reply "


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


class Server:
    """One runtime with one library of ours."""

    def __init__(self, runtime: str, library: str) -> None:
        self._make, self._load_delegate = classes_of(runtime)
        self._library = library

    def once(self, model: str, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What one call gives with each of the kernels `isas`, as `<isa>_<output>`."""
        results = {}
        for isa in given["isas"]:
            interpreter = self._interpreter(model, {"isa": str(isa)})
            for detail in interpreter.get_input_details():
                interpreter.set_tensor(detail["index"], given[detail["name"]])
            interpreter.invoke()
            for detail in interpreter.get_output_details():
                results[f"{isa}_{detail['name']}"] = interpreter.get_tensor(detail["index"])
        return results

    def stream(self, model: str, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the tensors `names` of a builtin op held after each of the calls whose inputs are
        `x`, as `<isa>_<name>`, and with the runtime's own kernels as `stock_<name>`."""
        names, results = [str(name) for name in given["names"]], {}
        for isa in ["stock", *map(str, given["isas"])]:
            options = {"isa": isa, "accelerate_builtin": "1"}
            interpreter = self._interpreter(model, None if isa == "stock" else options)
            held = list(_calls(interpreter, given["x"], names))
            for i, name in enumerate(names):
                results[f"{isa}_{name}"] = np.stack([values[i] for values in held])
        return results

    def _interpreter(self, model: str, options: Mapping[str, str] | None) -> Any:
        delegates = []
        if options is not None:
            delegates = [self._load_delegate(self._library, options=options)]
        interpreter = self._make(model_path=model, experimental_delegates=delegates, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter


def _calls(it: Any, inputs: np.ndarray, names: list[str]) -> Iterator[list[np.ndarray]]:
    """The named tensors after each call; in the middle states are reset."""
    places = {d["name"]: d["index"] for d in it.get_tensor_details()}
    for i, x in enumerate(inputs):
        if i == len(inputs) // 2:
            it.reset_all_variables()
        it.set_tensor(it.get_input_details()[0]["index"], x)
        it.invoke()
        yield [it.get_tensor(places[name]) for name in names]


def main(runtime: str, library: str) -> None:
    server = Server(runtime, library)
    runs = {"once": server.once, "stream": server.stream}
    for line in sys.stdin:
        what, model, inputs, outputs = json.loads(line)
        problem = ""
        try:
            with np.load(inputs) as given:
                np.savez(outputs, **runs[what](model, given))
        except Exception:
            problem = traceback.format_exc()
        print(REPLY + json.dumps(problem), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
