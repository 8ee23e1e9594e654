"""The plug-in's prepare and invoke in a C host that is a runtime of our own, so that they run under
sanitizers with tensors of exact sizes (custom_ops/tests/host_driver.c)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import c_programs
import host_models
import pytest

Modes = Callable[[str], c_programs.Programs]
HOST = [
    "host_driver.c",
    *(f"host/{n}.c" for n in ("host", "host_graph", "host_sparsity", "model", "mutate", "run")),
]
#: Damaged models a run; the program takes any other range of seeds by hand. In this one each check
#: of tfp_node_tensors.c is needed: without it the test fails. Only two outputs in one tensor harm
#: no memory; test_hostile_models.py has them.
FIRST_SEED, SEEDS = 7_001_000, 4000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="uses --wrap, libasan and libtsan"),
]


def write(models: Mapping[str, bytes], folder: Path) -> list[Path]:
    """One file for each model."""
    paths = []
    for name, data in models.items():
        paths.append(folder / f"{name.replace(' ', '-').replace('/', '-')}.host")
        paths[-1].write_bytes(data)
    return paths


@pytest.mark.parametrize("mode", ["allocations", "sanitizers"])
def test_models_in_every_way(mode: str, c_mode: Modes, tmp_path: Path) -> None:
    models = host_models.small_models() | host_models.large_models()
    paths = write(models, tmp_path)
    output = c_programs.run(c_mode(mode).build(*HOST), "check", *paths)
    assert output.endswith("\nok\n"), output


def test_a_wrong_byte_is_seen(c_mode: Modes, tmp_path: Path) -> None:
    model = bytearray(host_models.golden_models()["gru plain"])
    outputs = model.rindex(b"tfpipeline.gru")
    # Before the name stand the number of nodes and the code of this one.
    model[outputs - 9] ^= 1
    paths = write({"wrong": bytes(model)}, tmp_path)
    program = c_mode("sanitizers").build(*HOST)
    done = subprocess.run([program, "check", *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "other bits than expected" in done.stdout


def test_damaged_models(c_mode: Modes, tmp_path: Path) -> None:
    paths = write(host_models.small_models(), tmp_path)
    program = c_mode("sanitizers").build(*HOST)
    output = c_programs.run(program, "fuzz", str(FIRST_SEED), str(SEEDS), *paths)
    assert output.endswith("\nok\n"), output
    refused, _, ran = map(int, re.findall(r"\d+", output)[-3:])
    # Damage must reach both ends: models that are refused, and models that still run.
    assert refused > SEEDS / 4 and ran > SEEDS / 10, output


def test_sparse_models_whole_and_damaged(c_mode: Modes, tmp_path: Path) -> None:
    paths = write(host_models.sparse_models(), tmp_path)
    program = c_mode("sanitizers").build(*HOST)
    output = c_programs.run(program, "check", *paths)
    assert output.endswith("\nok\n"), output
    output = c_programs.run(program, "fuzz", "0", str(SEEDS), *paths)
    assert output.endswith("\nok\n"), output
    refused, _, ran = map(int, re.findall(r"\d+", output)[-3:])
    assert refused > SEEDS / 4 and ran > SEEDS / 10, output


@pytest.mark.parametrize("mode", ["allocations", "sanitizers"])
def test_builtin_lstms_whole(mode: str, c_mode: Modes, tmp_path: Path) -> None:
    paths = write(host_models.lstm_models(), tmp_path)
    output = c_programs.run(c_mode(mode).build(*HOST), "check", *paths)
    assert output.endswith("\nok\n"), output


def test_builtin_lstms_damaged(c_mode: Modes, tmp_path: Path) -> None:
    paths = write(host_models.lstm_models(), tmp_path)
    output = c_programs.run(c_mode("sanitizers").build(*HOST), "fuzz", "0", str(SEEDS), *paths)
    assert output.endswith("\nok\n"), output
    refused, _, ran = map(int, re.findall(r"\d+", output)[-3:])
    # What is not claimed is refused too: here nobody else runs it.
    assert refused > SEEDS / 4 and ran > SEEDS / 10, output


@pytest.mark.parametrize("mode", ["allocations", "sanitizers"])
def test_a_forked_child_waits_for_no_thread(mode: str, c_mode: Modes, tmp_path: Path) -> None:
    paths = write(host_models.large_models(), tmp_path)
    output = c_programs.run(c_mode(mode).build(*HOST), "fork", *paths)
    assert output.endswith("\nok\n"), output


def test_threads_do_not_race(c_mode: Modes, tmp_path: Path) -> None:
    program = c_mode("races").build(*HOST)
    paths = write(host_models.large_models(), tmp_path)
    # The thread sanitizer of older compilers ends at addresses that newer kernels choose.
    prefix = ("setarch", "-R")
    probe = subprocess.run([*prefix, program], capture_output=True, text=True, check=False)
    if probe.returncode != 1 or "FATAL" in probe.stderr:
        pytest.skip(f"the thread sanitizer does not run here: {probe.stderr.strip()[-200:]}")
    assert c_programs.run(program, "threads", *paths, prefix=prefix).endswith("\nok\n")
