"""Small data shared by the tests of the Keras side."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest


@pytest.fixture
def sequences() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(6, 9, 10)).astype("float32")


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 5, 6)
