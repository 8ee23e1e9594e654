"""The real wheels for Arm run our models with our plug-in, under qemu, and give the same bits."""

from __future__ import annotations

from pathlib import Path

import guest
import numpy as np
import pytest
from guest import Cpu, Runtime
from machines import AARCH64, ARMHF, Machine
from recurrent_models import assert_same_bits, feeds, make_case, op_model
from small_model import Exported

from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LITERT = Runtime("litert", ("ai-edge-litert==1.4.0", "numpy==2.2.6"))
TFLITE = Runtime("tflite_runtime", ("tflite-runtime==2.14.0", "numpy==1.26.4"))
A53 = Cpu("cortex-a53", "0xd03", "fp asimd aes pmull sha1 sha2 crc32 cpuid")
A72 = Cpu("cortex-a72", "0xd08", A53.features)
N1 = Cpu("neoverse-n1", "0xd0c", f"{A53.features} atomics fphp asimdhp asimdrdm asimddp")
# PyPI has no numpy for 32-bit Arm, Debian has.
TFLITE_ARMHF = Runtime(
    "tflite_runtime",
    ("tflite-runtime==2.14.0",),
    ("python3-numpy", "libblas3", "liblapack3", "libgfortran5"),
)
A7 = Cpu("cortex-a7", "0xc07", "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt")
CASES = {
    "plain": {"units": 40, "input_dim": 13, "time": 6, "batch": 2},
    "factored": {"units": 33, "input_dim": 20, "rank_x": 7, "rank_h": 9, "time": 9},
    "lstm": {"units": 40, "input_dim": 13, "rank_x": 6, "time": 7, "batch": 2, "cell": "lstm"},
    "every option": {
        "units": 40,
        "input_dim": 19,
        "rank_h": 9,
        "batch": 3,
        "lengths": True,
        "weight_bits": (4, 8, 2, 4),
        "recurrent_activation": "hard_sigmoid",
        "activation": "hard_tanh",
        "layer_norm": True,
    },
    "backwards": {"units": 64, "input_dim": 16, "rank_h": 5, "go_backwards": True},
}


# The runtimes on each processor, and the kernels that the plug-in should choose there.
GUESTS = [
    pytest.param(AARCH64, LITERT, A53, "neon_a53", id="litert-a53"),
    pytest.param(AARCH64, LITERT, A72, "neon", id="litert-a72"),
    pytest.param(AARCH64, LITERT, N1, "neondot", id="litert-n1"),
    pytest.param(AARCH64, TFLITE, A53, "neon_a53", id="tflite_runtime-a53"),
    pytest.param(AARCH64, TFLITE, N1, "neondot", id="tflite_runtime-n1"),
    pytest.param(ARMHF, TFLITE_ARMHF, A7, "neonv7", id="tflite_runtime-a7"),
]


@pytest.fixture()
def library(machine: Machine, request: pytest.FixtureRequest) -> Path:
    """Our plug-in for the processor of the test."""
    folder: Path = request.getfixturevalue(f"{machine.debian}_build")
    return folder / "libtfpipeline_ops.so"


@pytest.mark.parametrize(("machine", "runtime", "cpu", "kernels"), GUESTS)
def test_the_op_has_the_bits_of_the_spec(
    machine: Machine, runtime: Runtime, cpu: Cpu, kernels: str, library: Path, tmp_path: Path
) -> None:
    cases = {name: make_case(**arguments) for name, arguments in CASES.items()}
    given = {}
    for name, case in cases.items():
        given[f"{name}/model"] = np.frombuffer(op_model(case).build(), np.uint8)
        for i, value in enumerate(feeds(case).values()):
            given[f"{name}/input{i}"] = value
    np.savez(tmp_path / "cases.npz", **given)
    files = [str(library), str(tmp_path / "cases.npz"), str(tmp_path / "outputs.npz")]
    printed = guest.run(machine, runtime, cpu, str(Path(__file__).with_name("run_op.py")), *files)
    assert printed.split()[-1] == kernels
    found = np.load(tmp_path / "outputs.npz")
    for name, case in cases.items():
        expected = case.reference()
        assert_same_bits([found[f"{name}/output{i}"] for i in range(len(expected))], expected)


@pytest.mark.parametrize(("machine", "runtime", "cpu", "kernels"), GUESTS)
def test_an_exported_model_gives_the_scores_of_this_machine(
    machine: Machine,
    runtime: Runtime,
    cpu: Cpu,
    kernels: str,
    library: Path,
    exported: Exported,
    tmp_path: Path,
) -> None:
    whole, stream = exported.report.fused, exported.report.stream_fused
    samples = exported.held_out[:4]
    np.save(tmp_path / "inputs.npy", samples)
    script = str(ROOT / "tests" / "support" / "run_model.py")
    files = [str(f) for f in (whole, stream, tmp_path / "inputs.npy", tmp_path / "outputs.npz")]
    environment = {"PYTHONPATH": str(ROOT), "TFPIPELINE_LIBRARY": str(library)}
    guest.run(machine, runtime, cpu, script, *files, **environment)
    found = np.load(tmp_path / "outputs.npz")
    np.testing.assert_array_equal(found["stream"], found["whole"])
    reference = Interpreter(whole, runtime="litert").predict(samples)
    if runtime is LITERT:
        np.testing.assert_array_equal(found["whole"], reference)
    else:
        # The Dense layers are the runtime's own, and 2.14 rounds some scores to a neighbour.
        step = Interpreter(whole, runtime="litert").card["outputs"][0]["scale"]
        assert np.abs(found["whole"] - reference).max() <= 1.01 * step
