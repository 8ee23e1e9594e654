"""The plug-in through TensorFlow Lite's C API (custom_ops/tests/c_api_driver.c), in two published
builds of it: that of an npm package, with the external delegate that benchmark_model uses, and that
of Android's package."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import android_runtime
import c_programs
import pytest
from downloads import ANDROID_RUNTIME, C_API
from model_files import OPS, ModelFile, model_file

from tfpipeline.runtime.native import library_path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64",
        reason="libraries for x86-64 Linux",
    ),
]
RUNTIMES = {"npm": "2.9.0", "android": "2.14.0"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """c_api_driver."""
    path = tmp_path_factory.mktemp("c-api") / "c_api_driver"
    source = c_programs.SOURCES / "tests" / "c_api_driver.c"
    command = [c_programs.compiler(), *c_programs.FLAGS, str(source), "-o", str(path), "-ldl"]
    subprocess.run(command, check=True)
    return path


@pytest.fixture(scope="module")
def npm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with libtensorflowlite_c and the external delegate."""
    folder = tmp_path_factory.mktemp("npm")
    with tarfile.open(C_API.path(request.config)) as archive:
        for name in ("libtensorflowlite_c.so", "libexternal_delegate_obj.so"):
            member = archive.extractfile(f"package/cc_deps/linux_amd64/{name}")
            assert member is not None
            (folder / name).write_bytes(member.read())
    return folder


@pytest.fixture(scope="module")
def android(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of Android's package, in its folder."""
    package = ANDROID_RUNTIME.path(request.config)
    return android_runtime.unpack(package, tmp_path_factory.mktemp("android"))


@pytest.fixture(params=sorted(RUNTIMES))
def runtime(request: pytest.FixtureRequest) -> tuple[Path, str]:
    """Each runtime and its version."""
    path: Path = request.getfixturevalue(request.param)
    if request.param == "npm":
        path /= "libtensorflowlite_c.so"
    return path, RUNTIMES[request.param]


def call(
    program: Path, runtime: Path, files: ModelFile, *way: str
) -> subprocess.CompletedProcess[str]:
    """Runs the model; its outputs stand in the file `outputs` beside it."""
    environment = os.environ | {"LD_LIBRARY_PATH": str(runtime.parent)}
    outputs = files.model.parent / "outputs"
    command = [
        str(v) for v in (program, runtime, library_path(), files.model, files.inputs, outputs)
    ]
    return subprocess.run(
        [*command, *way], capture_output=True, text=True, env=environment, check=False
    )


def same_bytes(done: subprocess.CompletedProcess[str], files: ModelFile, version: str) -> None:
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout.strip() == version
    assert (files.model.parent / "outputs").read_bytes() == files.expected


@pytest.mark.parametrize("op", OPS)
def test_as_a_delegate(op: str, program: Path, runtime: tuple[Path, str], tmp_path: Path) -> None:
    files = model_file(op, tmp_path)
    done = call(program, runtime[0], files, "delegate", "num_threads=2", "verbose=true")
    same_bytes(done, files, runtime[1])
    assert f"tfpipeline: node 0: tfpipeline.{op} runs on" in done.stderr


@pytest.mark.parametrize("op", OPS)
def test_as_a_registered_op(
    op: str, program: Path, runtime: tuple[Path, str], tmp_path: Path
) -> None:
    files = model_file(op, tmp_path)
    way = ("custom_op", f"tfpipeline.{op}")
    same_bytes(call(program, runtime[0], files, *way), files, runtime[1])


def test_a_registered_op_refuses_options_of_no_op(
    program: Path, runtime: tuple[Path, str], tmp_path: Path
) -> None:
    files = model_file("gru", tmp_path)
    files.model.write_bytes(files.model.read_bytes().replace(b"TFPG", b"TFP?"))
    done = call(program, runtime[0], files, "custom_op", "tfpipeline.gru")
    assert done.returncode == 17
    assert "tfpipeline (node -1): custom_options are not those of any op here (64" in done.stderr


@pytest.mark.parametrize("op", OPS)
def test_as_an_external_delegate(op: str, program: Path, npm: Path, tmp_path: Path) -> None:
    files = model_file(op, tmp_path)
    way = ("external", str(npm / "libexternal_delegate_obj.so"), "isa=c", "verbose=1")
    done = call(program, npm / "libtensorflowlite_c.so", files, *way, "num_threads=2")
    same_bytes(done, files, RUNTIMES["npm"])
    assert f"tfpipeline: node 0: tfpipeline.{op} runs on c" in done.stderr


def test_builtin_layers_by_an_external_delegate(program: Path, npm: Path, tmp_path: Path) -> None:
    files = model_file("fully_connected", tmp_path, custom=False)
    way = ("external", str(npm / "libexternal_delegate_obj.so"), "accelerate_builtin=all")
    done = call(program, npm / "libtensorflowlite_c.so", files, *way, "verbose=1")
    same_bytes(done, files, RUNTIMES["npm"])
    assert "tfpipeline: node 0: FULLY_CONNECTED runs on" in done.stderr


def test_a_wrong_option_leaves_no_delegate(program: Path, npm: Path, tmp_path: Path) -> None:
    files = model_file("gru", tmp_path)
    done = call(program, npm / "libtensorflowlite_c.so", files, "delegate", "threads=2")
    assert done.returncode == 16 and "there is no option 'threads'" in done.stderr
    # The external delegate gives no callback; it makes one that does nothing, and the op is missed.
    way = ("external", str(npm / "libexternal_delegate_obj.so"), "threads=2")
    done = call(program, npm / "libtensorflowlite_c.so", files, *way)
    assert done.returncode == 17 and "unresolved custom op: tfpipeline.gru" in done.stderr
