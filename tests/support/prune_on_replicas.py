"""Trains with hard thresholding on one device and on two replicas; a program of its own process.

Prints one line of JSON for each of them: the phases, the weights, and whether all replicas have the
same ones.
"""

from __future__ import annotations

import contextlib
import json

import numpy as np
import tensorflow as tf

CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras  # noqa: E402  the devices are fixed by then

from tfpipeline.callbacks import IterativeHardThresholding  # noqa: E402


def train(strategy: tf.distribute.Strategy | None) -> dict[str, object]:
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 6)).astype("float32")
    y = (x @ rng.normal(size=(6, 5))).astype("float32")
    scope = contextlib.nullcontext() if strategy is None else strategy.scope()
    with scope:
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dense(5)])
        model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=False)
    sparse = IterativeHardThresholding(0.3, every=2)
    fitted = model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0, callbacks=[sparse])
    values = [variable.value for variable in [*model.weights, *model.optimizer.variables]]
    copies = [[copy.numpy() for copy in getattr(value, "values", [value])] for value in values]
    return {
        "replicas": 1 if strategy is None else strategy.num_replicas_in_sync,
        "phases": fitted.history["iht_phase"],
        "weights": [weight.numpy().tolist() for weight in model.weights],
        "on_each_replica": all(
            np.array_equal(one, other) for one, *rest in copies for other in rest
        )
        and max(len(one) for one in copies) == 2,
    }


for strategy in (None, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    print(json.dumps(train(strategy)))
