"""What TensorFlow's own converter makes of the models of `export_speed.py`.

    python -m tfpipeline.studies.export.stock_files MODEL FOLDER MODE [MODE ...]

A process of its own, because the converter can end it: it says after each mode what came of it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfpipeline.worker_process import run_worker, worker_command

SEED = 0
_SECONDS = 600


def write_stock_files(name: str, modes: Sequence[str], folder: Path) -> dict[str, str]:
    """Write `MODE.tflite` into `folder` for each mode; return why a mode has no file."""
    problems: dict[str, str] = {}
    left = list(modes)
    while left:
        done = run_worker(worker_command(__name__, name, str(folder), *left), seconds=_SECONDS)
        if done.status is None:
            problems |= dict.fromkeys(left, f"the converter {done.end}")
            break
        answers = [json.loads(x) for x in done.stdout.splitlines() if x.startswith('{"mode"')]
        for answer in answers:
            left.remove(answer["mode"])
            if answer["problem"]:
                problems[answer["mode"]] = answer["problem"]
        if left:
            # The converter has ended the process; the other modes get another one.
            problems[left.pop(0)] = f"the converter {done.end}"
    return problems


def build_model(name: str) -> tuple[Any, Any]:
    """Return a model and its calibration data."""
    from tfpipeline.studies.export.matrix_models import build

    if name != "separable":
        built = build(name, ternary=False, seed=SEED, samples=30)
        return built.model, built.calibration
    import keras
    import numpy as np

    keras.utils.set_random_seed(SEED)
    keras.backend.clear_session()
    x = keras.Input((98, 40), name="features")
    h = keras.layers.Reshape((-1, 1, 40))(x)
    # Kernels of fewer and of more than the 1,024 values from which the stock converter quantizes.
    for filters, length in ((64, 9), (160, 9), (64, 3)):
        h = keras.layers.DepthwiseConv2D((length, 1), padding="same")(h)
        h = keras.layers.Conv2D(filters, 1, activation="relu")(h)
    h = keras.layers.GlobalAveragePooling2D()(h)
    model = keras.Model(x, keras.layers.Dense(12, name="scores")(h))
    walk = np.random.default_rng(SEED).normal(size=(30, 98, 40))
    return model, (0.3 * np.cumsum(walk, axis=1)).astype(np.float32)


def _convert(model: Any, calibration: Any, mode: str, path: Path) -> None:
    """TensorFlow's converter at batch 1, floats in and out, as its guide says for each mode."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    named = calibration if isinstance(calibration, dict) else {"x": calibration}
    specs = {
        name: tf.TensorSpec((1, *values.shape[1:]), values.dtype, name=name)
        for name, values in named.items()
    }

    def call(*arrays: Any) -> Any:
        given = dict(zip(named, arrays, strict=True))
        return model(given if isinstance(calibration, dict) else given["x"], training=False)

    traced = tf.function(call, autograph=False).get_concrete_function(*specs.values())
    frozen = convert_to_constants.convert_variables_to_constants_v2(traced)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], model)
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode in ("int8", "int16x8"):
        # The converter takes the inputs in the order of the frozen graph.
        order = [named[tensor.name.partition(":")[0]] for tensor in frozen.inputs]
        converter.representative_dataset = lambda: (
            [np.asarray(values[i : i + 1]) for values in order] for i in range(len(order[0]))
        )
    if mode == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
    path.write_bytes(converter.convert())


def main(name: str, folder: str, *modes: str) -> None:
    """Convert one mode after the other; a line of JSON tells of each."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    model, calibration = build_model(name)
    for mode in modes:
        problem = ""
        try:
            _convert(model, calibration, mode, Path(folder) / f"{mode}.tflite")
        except Exception as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            problem = (lines[-1].strip() if lines else type(error).__name__)[:200]
        print("\n" + json.dumps({"mode": mode, "problem": problem}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
