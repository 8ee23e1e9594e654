"""Runs a model call by call in TFLite-Micro and saves what it puts out: for its own environment.

python run_micro.py MODEL.tflite INPUTS.npz OUTPUTS.npz COUNT [arena=BYTES] [INPUT:OUTPUT...]

INPUTS holds `in_0`, `in_1`, ... in the order of the model's inputs, each with one entry a call; an
input that is a state holds its first value only. The pairs are positions: before each call but the
first, INPUT gets what OUTPUT had. OUTPUTS gets `out_0`, `out_1`, ..., COUNT of them. The arena has
BYTES, by default more than enough.
"""

from __future__ import annotations

import sys

import numpy as np
from tflite_micro.python.tflite_micro import runtime

_ARENA_BYTES = 4_000_000


def main(model: str, inputs: str, outputs: str, count: str, *pairs: str) -> None:
    arena = _ARENA_BYTES
    if pairs and pairs[0].startswith("arena="):
        arena, pairs = int(pairs[0].removeprefix("arena=")), pairs[1:]
    interpreter = runtime.Interpreter.from_file(model, arena_size=arena)
    with np.load(inputs) as given:
        fed = [given[f"in_{i}"] for i in range(len(given.files))]
    carried = {int(i): int(o) for i, o in (pair.split(":") for pair in pairs)}
    calls = max(len(values) for values in fed)
    found = [[] for _ in range(int(count))]
    for call in range(calls):
        for i, values in enumerate(fed):
            state = call > 0 and i in carried
            interpreter.set_input(found[carried[i]][-1] if state else values[call], i)
        interpreter.invoke()
        for i, values in enumerate(found):
            values.append(np.array(interpreter.get_output(i)))
    np.savez(outputs, **{f"out_{i}": np.stack(values) for i, values in enumerate(found)})


if __name__ == "__main__":
    main(*sys.argv[1:])
