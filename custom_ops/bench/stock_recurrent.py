"""Writes a recurrent model with the stock converter; a process of its own, because it can crash.

    python stock_recurrent.py JSON TARGET

JSON holds "cell", "units", "features", "frames", "rank", "kind": "rolled" or "unrolled", and
"weights": an .npz file of the weights of plain layers, three arrays a layer.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def keras_model(job: dict[str, Any]) -> Any:
    """Return layers of the sizes `units`, factored where `rank` says so."""
    import keras
    import numpy as np

    from tfpipeline.layers import TWINS

    kinds = {kind.__name__.lower(): kind for kind in TWINS}
    kind = kinds[job["cell"].replace("_", "")]
    unroll = job["kind"] == "unrolled"
    layers: list[Any] = [keras.Input((job["frames"], job["features"]))]
    for units in job["units"]:
        if job["rank"]:
            rank = int(units * job["rank"])
            ranks = {"rank": rank, "recurrent_rank": rank}
            layers.append(TWINS[kind](units, **ranks, return_sequences=True))
        else:
            layers.append(kind(units, return_sequences=True, unroll=unroll))
    model = keras.Sequential(layers)
    if not job["rank"]:
        with np.load(job["weights"], allow_pickle=False) as file:
            model.set_weights([file[f"arr_{i}"] for i in range(len(model.weights))])
    return model


def write_unrolled_int8(model: Any, job: dict[str, Any], target: Path) -> None:
    """Write a model of unrolled steps, all int8, as the converter quantizes it."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    shape = (1, job["frames"], job["features"])
    module = tf.Module()
    module.model = model
    # Keras tracks its variables by its own means, the SavedModel wants them by TensorFlow's.
    module.tracked = [weight.value for weight in model.variables]
    module.run = tf.function(lambda x: {"y": model(x, training=False)}, autograph=False)
    traced = module.run.get_concrete_function(tf.TensorSpec(shape, tf.float32, name="x"))
    saved = str(target.with_suffix(".saved"))
    tf.saved_model.save(module, saved, signatures=traced)
    converter = tf.lite.TFLiteConverter.from_saved_model(saved)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.standard_normal(shape).astype(np.float32)] for _ in range(4)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    target.write_bytes(converter.convert())


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    job, target = json.loads(sys.argv[1]), Path(sys.argv[2])
    model = keras_model(job)
    if job["kind"] == "unrolled":
        write_unrolled_int8(model, job, target)
    else:
        from tfpipeline.export.stock_converter import convert_stock

        convert_stock(model, target, job["frames"])


if __name__ == "__main__":
    main()
