"""The process of `claims.py`: RUNTIME FILE BYTES SECONDS ISA; prints one line of JSON.

The plug-in says on standard error which nodes it runs.
"""

from __future__ import annotations

import json
import sys

from tfpipeline.inspection.trial_process import limit_process, run_once
from tfpipeline.runtime.backends import load_delegate


def main(runtime: str, path: str, size: str, seconds: str, isa: str) -> None:
    limit_process(int(size), int(seconds))
    refusal = ""
    try:
        delegate = load_delegate(runtime, accelerate_builtin=True, verbose=True, isa=isa)
        run_once(runtime, path, delegate)
    except Exception as error:
        refusal = str(error) or type(error).__name__
    print("\n" + json.dumps({"refusal": refusal}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
