"""tf.distribute gives what one device gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parents[1] / "support" / "train_on_replicas.py"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a strategy of TensorFlow")
def test_two_replicas_train_as_one_device():
    # The number of devices is fixed when TensorFlow starts.
    run = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=900, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    one, two = (json.loads(line) for line in run.stdout.splitlines()[-2:])
    assert (one["replicas"], two["replicas"]) == (1, 2)
    assert one["loss"][1] < one["loss"][0]
    # Sums over 16 utterances in another order, six steps of float32 training.
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-5)
    for ours, theirs in zip(two["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
