"""The process of `trial.py`: RUNTIME FILE BYTES SECONDS [plugin]; prints one line of JSON."""

from __future__ import annotations

import json
import sys

import numpy as np

from tfpipeline.runtime.backends import backend, load_delegate


def _limit(size: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:
        # Windows: only the time limit of the parent is left.
        return
    for kind, value in ((resource.RLIMIT_AS, size), (resource.RLIMIT_CPU, seconds)):
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or value < hard:
            resource.setrlimit(kind, (value, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run_once(runtime: str, path: str, plugin: bool) -> None:
    delegates = [load_delegate(runtime)] if plugin else None
    interpreter = backend(runtime).interpreter(path, experimental_delegates=delegates)
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        zeros = np.zeros(details["shape"], details["dtype"])
        interpreter.set_tensor(details["index"], zeros)
    interpreter.invoke()


def main(runtime: str, path: str, size: str, seconds: str, *plugin: str) -> None:
    _limit(int(size), int(seconds))
    refusal = ""
    try:
        _run_once(runtime, path, bool(plugin))
    except Exception as error:
        refusal = str(error) or type(error).__name__
    print("\n" + json.dumps({"refusal": refusal}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
