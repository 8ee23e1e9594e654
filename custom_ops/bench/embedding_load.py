"""Prints what opening a file takes, in a process of its own.

    python custom_ops/bench/embedding_load.py FEW.tflite FILE.tflite

FEW is a file with the same ops and hardly any words, which is opened and run first, so that
libraries are loaded before. Then, as JSON: seconds to open FILE by `tfpipeline.Interpreter`, and
megabytes of resident memory that this adds, and that the first call adds to them.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

import numpy as np


def resident() -> dict[str, float]:
    """Return resident megabytes of this process: all, and those that are no pages of files."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    kilobytes = dict(line.split(":", 1) for line in lines)
    return {
        name: int(kilobytes[key].split()[0]) / 1000
        for name, key in (("all", "VmRSS"), ("anonymous", "RssAnon"))
    }


def main(few: str, path: str) -> None:
    from tfpipeline.runtime import Interpreter

    first = Interpreter(few)
    ids = np.arange(first.input_shape[1], dtype=np.int32)[None]
    first.predict(ids)
    gc.collect()
    before, start = resident(), time.perf_counter()
    opened = Interpreter(path)
    seconds, after = time.perf_counter() - start, resident()
    opened.predict(ids)
    ran = resident()
    found = {"load_ms": 1e3 * seconds}
    for name in before:
        found[f"load_{name}_mb"] = after[name] - before[name]
        found[f"first_call_{name}_mb"] = ran[name] - after[name]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
