"""The process of `trial.py`: RUNTIME FILE BYTES SECONDS [plugin]; prints one line of JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from tfpipeline.runtime.backends import backend, load_delegate


def limit_process(size: int, seconds: int) -> None:
    """Limit address space in bytes and processor time of this process; write no core."""
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


def run_once(runtime: str, path: str, delegate: Any) -> None:
    """Run a file on zeros, with a delegate or None; raises what the runtime raises."""
    delegates = None if delegate is None else [delegate]
    interpreter = backend(runtime).interpreter(path, experimental_delegates=delegates)
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        zeros = np.zeros(details["shape"], details["dtype"])
        interpreter.set_tensor(details["index"], zeros)
    interpreter.invoke()


def main(runtime: str, path: str, size: str, seconds: str, *plugin: str) -> None:
    limit_process(int(size), int(seconds))
    refusal = ""
    try:
        run_once(runtime, path, load_delegate(runtime) if plugin else None)
    except Exception as error:
        refusal = str(error) or type(error).__name__
    print("\n" + json.dumps({"refusal": refusal}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
