"""Fixed-point arithmetic against gemmlowp itself, from Debian's libgemmlowp-dev."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from unsigned_layers import make_unsigned

from tfpipeline.numerics.fixed_point import sigmoid_fixed, tanh_fixed
from tfpipeline.numerics.fully_connected_uint8 import (
    fully_connected_uint8,
    quantize_multiplier,
    sums_uint8,
)

pytestmark = pytest.mark.slow

HEADERS = Path("/usr/include/gemmlowp")


def build(name: str, folder: Path) -> Path:
    """A program of ours with gemmlowp's headers."""
    if not HEADERS.is_dir():
        pytest.skip("gemmlowp's headers are missing: apt-get install libgemmlowp-dev")
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    program, source = folder / name, Path(__file__).with_name(f"{name}.cc")
    command = [compiler, "-std=c++11", "-O1", f"-I{HEADERS}", str(source), "-pthread"]
    built = subprocess.run(
        [*command, "-o", str(program)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[-4000:]
    return program


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that multiplies with gemmlowp."""
    return build("gemmlowp_peer", tmp_path_factory.mktemp("gemmlowp"))


def test_functions_have_the_bits_of_gemmlowp(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(build("gemmlowp_functions", tmp_path))], capture_output=True, check=True
    )
    sigmoid, *tangents = np.frombuffer(done.stdout, np.int16).reshape(8, 65536)
    x = np.arange(-32768, 32768)
    np.testing.assert_array_equal(sigmoid_fixed(x), sigmoid)
    for bits, tangent in enumerate(tangents):
        np.testing.assert_array_equal(tanh_fixed(x, bits), tangent)


@pytest.mark.parametrize("seed", range(40))
def test_the_spec_has_the_bits_of_gemmlowp(peer: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, depth, batch = (int(v) for v in (rng.integers(1, 70), rng.integers(1, 90), seed % 9 + 1))
    layer = make_unsigned(rows, depth, batch, seed=seed)
    product = float(np.float32(layer.x_scale) * np.float32(layer.w_scale))
    y_scale = layer.y_scale
    if seed % 4 == 0:  # powers of two, where sums fall on ties
        y_scale = product * 2.0 ** (seed // 8 + 1)
    mantissa, shift = quantize_multiplier(product / float(np.float32(y_scale)))
    zero_points = (layer.x_zero_point, layer.w_zero_point, layer.y_zero_point)
    head = [rows, depth, batch, *zero_points, mantissa, max(shift, 0), max(-shift, 0)]
    arrays = (np.array(head, np.int32), layer.bias, layer.weights, layer.x)
    given = b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
    done = subprocess.run([str(peer)], input=given, capture_output=True, check=True)
    split = 4 * rows * batch
    raw = np.frombuffer(done.stdout[:split], np.int32).reshape(batch, rows)
    y = np.frombuffer(done.stdout[split:], np.uint8).reshape(batch, rows)
    inputs = {"x_zero_point": layer.x_zero_point, "w_zero_point": layer.w_zero_point}
    np.testing.assert_array_equal(raw, sums_uint8(layer.x, layer.weights, None, **inputs))
    expected = fully_connected_uint8(
        layer.x,
        layer.weights,
        layer.bias,
        x_scale=layer.x_scale,
        w_scale=layer.w_scale,
        y_scale=y_scale,
        y_zero_point=layer.y_zero_point,
        **inputs,
    )
    np.testing.assert_array_equal(y, expected)
