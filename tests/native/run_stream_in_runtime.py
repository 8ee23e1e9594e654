"""Runs a builtin op call after call in one runtime, with its own kernels and with ours.

RUNTIME LIBRARY MODEL INPUTS.npz OUTPUTS.npz: `x` are inputs of all calls, `names` tensors, `isas`
kernels. What a tensor held after each call is `<isa>_<name>`, or `stock_<name>`. Like its neighbour
it needs numpy and the runtime alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from run_in_runtime import classes_of


def calls(it: Any, inputs: np.ndarray, names: list[str]) -> Iterator[list[np.ndarray]]:
    """The named tensors after each call; in the middle states are reset."""
    places = {d["name"]: d["index"] for d in it.get_tensor_details()}
    for i, x in enumerate(inputs):
        if i == len(inputs) // 2:
            it.reset_all_variables()
        it.set_tensor(it.get_input_details()[0]["index"], x)
        it.invoke()
        yield [it.get_tensor(places[name]) for name in names]


def main(runtime: str, library: str, model: str, inputs: str, outputs: str) -> None:
    make, load_delegate = classes_of(runtime)
    given = np.load(inputs)
    names, results = [str(name) for name in given["names"]], {}
    for isa in ["stock", *map(str, given["isas"])]:
        options = {"isa": isa, "accelerate_builtin": "1"}
        delegates = [] if isa == "stock" else [load_delegate(library, options=options)]
        it = make(model_path=model, experimental_delegates=delegates, num_threads=1)
        it.allocate_tensors()
        held = list(calls(it, given["x"], names))
        for i, name in enumerate(names):
            results[f"{isa}_{name}"] = np.stack([values[i] for values in held])
    np.savez(outputs, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
