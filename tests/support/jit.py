"""Whether tests that train let XLA compile a model: on TensorFlow it takes longer than they do."""

from __future__ import annotations

import keras

JIT = False if keras.backend.backend() == "tensorflow" else "auto"
