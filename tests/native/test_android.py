"""The Android part (custom_ops/android) as an app uses it: Java's Interpreter of the package
org.tensorflow:tensorflow-lite on a desktop's Java, with its native library (android_runtime.py)."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import android_runtime
import c_programs
import native_library
import pytest
from android_library import build_library, jdk
from downloads import ANDROID_API, ANDROID_RUNTIME
from model_files import OPS, model_file

ANDROID = c_programs.SOURCES / "android"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64",
        reason="libraries for x86-64 Linux",
    ),
]


@dataclass(frozen=True)
class App:
    """A Java program with its libraries."""

    java: str
    classes: str
    libraries: Path

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [self.java, f"-Djava.library.path={self.libraries}", "-cp", self.classes]
        return subprocess.run(
            [*command, "RunModel", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=os.environ | {"LD_LIBRARY_PATH": str(self.libraries)},
            check=False,
        )


@pytest.fixture(scope="module")
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> App:
    """RunModel.java with our class, the runtime's classes, and both native libraries."""
    home = jdk()
    folder = tmp_path_factory.mktemp("app")
    jars = []
    for package in (ANDROID_API, ANDROID_RUNTIME):
        jars.append(folder / f"{package.variable}.jar")
        with zipfile.ZipFile(package.path(request.config)) as archive:
            jars[-1].write_bytes(archive.read("classes.jar"))
    android_runtime.unpack(ANDROID_RUNTIME.path(request.config), folder)
    shutil.copy(build_library(home, tmp_path_factory.mktemp("jni")), folder)
    classes = os.pathsep.join(map(str, (folder, *jars)))
    sources = [ANDROID / "java" / "org" / "tfpipeline" / "TfpipelineDelegate.java"]
    sources.append(c_programs.SOURCES / "tests" / "android" / "RunModel.java")
    command = [str(home / "bin" / "javac"), "-Xlint:all", "-Werror", "-d", str(folder)]
    command += ["--release", "8", "-Xlint:-options", "-cp", classes, *map(str, sources)]
    subprocess.run(command, check=True)
    return App(str(home / "bin" / "java"), classes, folder)


@pytest.mark.parametrize("op", OPS)
def test_interpreter_with_our_delegate(op: str, app: App, tmp_path: Path) -> None:
    files = model_file(op, tmp_path)
    outputs = tmp_path / "outputs"
    done = app.run(files.model, files.inputs, outputs, "num_threads=2", "verbose=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert outputs.read_bytes() == files.expected
    assert f"tfpipeline: node 0: tfpipeline.{op} runs on" in done.stderr
    refusal, names, *_ = done.stdout.splitlines()
    assert "option isa must be one of auto" in refusal  # an exception, with our message
    assert names.split() == [*native_library.ops()]
