"""The same tests on the JAX backend, in a process of their own: Keras has one backend each."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(
    importlib.util.find_spec("jax") is None or keras.backend.backend() == "jax",
    reason="needs jax, and another backend here",
)
def test_jax_backend():
    files = ("test_factored_gru.py", "test_trace_norm.py", "test_calr.py", "test_truncate.py")
    chosen = (
        "(full_rank_equals_keras and (go_back or use_bias)) or dropout or mask or stateful"
        " or bidirectional or (collapsed and 0.25) or gradient or save or built_by_fit"
        " or mixed_bfloat16 or every_cycle or optimizer_state or half_the_squares or not_factored"
    )
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "--import-mode=importlib"),
            *("-p", "no:cacheprovider", "-k", chosen),
            *(str(HERE / name) for name in files),
        ],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
