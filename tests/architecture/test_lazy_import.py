"""`import tfpipeline` and the command's help must stay quick: no heavy package is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "jax", "ai_edge_litert", "tflite_runtime", "matplotlib", "numpy")

LIST_LOADED = f"""
import json, sys
print("LOADED", json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def heavy_modules_after(code: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", code + LIST_LOADED],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.rpartition("LOADED")[2])


def command(arguments: list[str]) -> str:
    return f"""
from tfpipeline.cli.main import main
try:
    main({arguments!r})
except SystemExit as stop:
    assert not stop.code, stop.code
"""


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_modules_after("import tfpipeline; dir(tfpipeline)") == []


def test_this_test_sees_a_heavy_import() -> None:
    assert heavy_modules_after("import numpy") == ["numpy"]


def test_the_version_is_known_without_anything_heavy() -> None:
    assert heavy_modules_after("import tfpipeline; assert tfpipeline.__version__") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["demo", "--help"],
        ["train", "--help"],
        ["export", "--help"],
        ["run", "--help"],
        ["train-stream", "--help"],
        ["evaluate-stream", "--help"],
    ],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert heavy_modules_after(command(arguments)) == []


@pytest.mark.parametrize(
    "part",
    [
        "features",
        "decoding",
        "detection",
        "numerics",
        "runtime",
        "errors",
        "progress",
        "bench",
        "data",
        "recipes.runner",
        "recipes.demo_config",
    ],
)
def test_the_device_side_loads_neither_keras_nor_a_runtime(part: str) -> None:
    loaded = heavy_modules_after(f"import tfpipeline.{part}")
    assert set(loaded) <= {"numpy"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    import tfpipeline

    with pytest.raises(AttributeError, match="no_such_name"):
        _ = tfpipeline.no_such_name


def test_every_public_name_is_listed() -> None:
    import tfpipeline

    assert set(tfpipeline.__all__) <= set(dir(tfpipeline))
