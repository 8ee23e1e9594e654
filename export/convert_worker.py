"""Runs the TensorFlow Lite converter; executed as a process of its own because it can crash.

    python -m tfpipeline.export.convert_worker JOBS.json

`JOBS.json` is a list of `{"saved_model", "output", "quantize", "custom_ops"}`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(jobs_file: str) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import tensorflow as tf

    for job in json.loads(Path(jobs_file).read_text()):
        converter = tf.lite.TFLiteConverter.from_saved_model(job["saved_model"])
        converter.allow_custom_ops = job["custom_ops"]
        if job["quantize"] == "dynamic":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        Path(job["output"]).write_bytes(converter.convert())


if __name__ == "__main__":
    main(sys.argv[1])
