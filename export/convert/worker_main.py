"""Runs the TensorFlow Lite converter; executed as a process of its own because it can crash.

    python -m tfpipeline.export.convert.worker_main

Reads one JSON object a line from its input and answers each with one, `{"error": null}` or a
sentence. Whatever native code prints goes to the log.

    {"task": "convert", "jobs": [{"saved_model", "output", "quantize", "custom_ops"}], "log": PATH}
    {"task": "try", "path": PATH, "streaming": false, "library": PATH, "log": PATH}

The second loads a written file and runs it once. What counts is whether the process survives that,
and whether the file can be loaded at all.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    # The converter's native code prints to the descriptors 1 and 2: answers get one of their own.
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        _redirect(request["log"])
        error = _try(request) if request["task"] == "try" else _convert(request["jobs"])
        answers.write(json.dumps({"error": error}) + "\n")
        answers.flush()


def _redirect(log: str) -> None:
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(target, descriptor)
    os.close(target)


def _try(request: dict[str, Any]) -> str | None:
    from tfpipeline.export.convert.run_once import run_once
    from tfpipeline.runtime.errors import ModelFileError

    try:
        run_once(request["path"], request["streaming"], request["library"])
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        if isinstance(error, ModelFileError) and "XNNPACK" in str(error):
            # Its words are of nodes and delegates, while scales are to blame.
            return f"does not load it: {' '.join(str(error.__cause__ or error).split())}"
        # The user's process meets the same, and has the words for it.
    return None


def _convert(jobs: list[dict[str, Any]]) -> str | None:
    try:
        import tensorflow as tf

        for job in jobs:
            converter = tf.lite.TFLiteConverter.from_saved_model(job["saved_model"])
            converter.allow_custom_ops = job["custom_ops"]
            if job["quantize"] == "dynamic":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            Path(job["output"]).write_bytes(converter.convert())
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = lines[-1] if lines else type(error).__name__
        return f"failed: {type(error).__name__}: {reason[:300]}"
    return None


if __name__ == "__main__":
    main()
