"""Trains the same model on one device and on two replicas; a program for a process of its own.

Prints one line of JSON for each of them: the loss of each epoch and the weights.
"""

from __future__ import annotations

import contextlib
import json

import numpy as np
import tensorflow as tf

CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras  # noqa: E402  the devices are fixed by then

from tfpipeline.layers import FactoredGRU, FastGRNN  # noqa: E402
from tfpipeline.losses import CTC, pack_labels  # noqa: E402
from tfpipeline.regularizers import TraceNorm  # noqa: E402


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = [rng.integers(1, 5, rng.integers(1, 5)) for _ in range(48)]
    frames = rng.integers(9, 13, 48)
    return rng.normal(size=(48, 12, 6)).astype("float32"), pack_labels(labels, frames)


def train(strategy: tf.distribute.Strategy | None) -> dict[str, object]:
    keras.utils.set_random_seed(1)
    scope = contextlib.nullcontext() if strategy is None else strategy.scope()
    with scope:
        # So strong that a penalty counted twice, or by halves, would show in the weights.
        options = {"kernel_regularizer": TraceNorm(0.1), "recurrent_regularizer": TraceNorm(0.3)}
        model = keras.Sequential(
            [
                keras.Input((12, 6)),
                FactoredGRU(8, return_sequences=True, **options),
                FastGRNN(7, state_filter=True, return_sequences=True),
                keras.layers.Dense(5),
            ]
        )
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9), CTC(), jit_compile=False)
    fitted = model.fit(*data(), batch_size=16, epochs=2, shuffle=False, verbose=0)
    return {
        "replicas": 1 if strategy is None else strategy.num_replicas_in_sync,
        "loss": fitted.history["loss"],
        "weights": [weight.numpy().tolist() for weight in model.weights],
    }


for strategy in (None, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    print(json.dumps(train(strategy)))
