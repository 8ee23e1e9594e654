"""Builds `run_steps.c` around a header, for this machine or a Cortex-M, and runs it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfpipeline.errors import TfpipelineError
from tfpipeline.microcontroller import IntegerModel, header_text

HERE = Path(__file__).resolve().parent
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror")
COMPILER, EMULATOR = "arm-none-eabi-gcc", "qemu-system-arm"
PACKAGES = {COMPILER: "gcc-arm-none-eabi", EMULATOR: "qemu-system-arm"}
_TIMEOUT = 300


class BoardError(TfpipelineError):
    """A program that the boards need is missing, or one of them failed."""


@dataclass(frozen=True)
class Board:
    """An emulated board.

    Args:
        machine: qemu's name.
        processor: what to compile for.
    """

    machine: str
    processor: str


#: The micro:bit has a Cortex-M0, which has the instructions of a Cortex-M0+.
BOARDS = {
    "cortex-m0plus": Board("microbit", "cortex-m0plus"),
    "cortex-m3": Board("mps2-an385", "cortex-m3"),
    "cortex-m4": Board("mps2-an386", "cortex-m4"),
}


@dataclass(frozen=True)
class Run:
    """What a program said.

    Args:
        sums: a checksum for each step.
        stack: bytes of the stack that it used; None on this machine.
    """

    sums: list[int]
    stack: int | None


def missing() -> str | None:
    """Return what the boards lack on this machine, in words; None where nothing is missing."""
    lacking = [name for name in PACKAGES if shutil.which(name) is None]
    if not lacking:
        return None
    packages = " ".join(PACKAGES[name] for name in lacking)
    return f"{' and '.join(lacking)} missing: apt-get install {packages}"


def write_sources(model: IntegerModel, inputs: np.ndarray, folder: Path) -> None:
    """Write `model.h` and `inputs.h`.

    Args:
        model: of the header.
        inputs: `(steps, features)`, int16: raw ones for a model with a scaling.
        folder: where to.
    """
    (folder / "model.h").write_text(header_text(model, "m"), encoding="ascii")
    rows = ",\n".join("{" + ", ".join(map(str, row)) + "}" for row in inputs.tolist())
    (folder / "inputs.h").write_text(
        f"#define STEPS {len(inputs)}\n"
        f"static const int16_t inputs[STEPS][{inputs.shape[1]}] = {{\n{rows}\n}};\n",
        encoding="ascii",
    )


def build_here(compiler: str, folder: Path, flags: Sequence[str] = ()) -> Path:
    """Compile the sources in `folder` for this machine; return the program."""
    program = folder / "program"
    files = [str(HERE / "run_steps.c"), str(HERE / "host.c")]
    output([compiler, *STRICT, *flags, *_headers(folder), *files, "-o", str(program)])
    return program


def build_for(board: Board, folder: Path, optimize: str = "-O2") -> Path:
    """Compile them for a board: without a C library, with gcc's own arithmetic."""
    program = folder / f"{board.processor}{optimize}.elf"
    flags = [
        *(f"-mcpu={board.processor}", "-mthumb", optimize, "-ffreestanding", "-nostdlib"),
        *(f"-Wl,-T,{HERE / 'board.ld'}", "-Wl,--gc-sections", "-ffunction-sections"),
        *_headers(folder),
    ]
    files = [str(HERE / "run_steps.c"), str(HERE / "board.c")]
    output([COMPILER, *STRICT, *flags, *files, "-lgcc", "-o", str(program)])
    return program


def _headers(folder: Path) -> list[str]:
    return [f"-include{folder / name}" for name in ("model.h", "inputs.h")]


def run_here(program: Path) -> Run:
    """Run a program of `build_here`."""
    return _read(output([str(program)]))


def run_on(board: Board, program: Path, *options: str) -> Run:
    """Run a program of `build_for`."""
    command = [EMULATOR, "-M", board.machine, "-nographic", "-monitor", "none", "-serial", "null"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    return _read(output([*command, *semihosting, *options, "-kernel", str(program)]))


def sums_of(model: IntegerModel, inputs: np.ndarray) -> list[int]:
    """Return the checksums that a run must say, of the Python integers."""
    cell = model.cell
    if model.detector is not None:
        model.detector.reset()
    x = inputs if model.scaling is None else model.scaling(inputs)
    state, total, found = np.zeros((1, cell.weights.units), np.int16), 2166136261, []
    for row in x:
        state = cell.step(row[None], state)
        numbers = state[0].tolist()
        if model.classes:
            scores = cell.scores(state)[0]
            numbers += [int(np.argmax(scores)), *scores.tolist()]
        if model.detector is not None:
            numbers += [*model.detector.process(scores[None]), *model.detector.sums]
        for number in numbers:
            total = ((total ^ (number & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
        found.append(total)
    return found


def output(command: Sequence[str]) -> str:
    """Return what a program printed; a `BoardError` with its last words where it failed."""
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BoardError(f"{command[0]} did not run: {error}") from error
    if done.returncode != 0:
        raise BoardError(f"{command[0]} failed: {(done.stderr or done.stdout)[-2000:]}")
    # qemu says what is semihosted on its standard error.
    return done.stdout + done.stderr


def _read(text: str) -> Run:
    if "fault" in text:
        raise BoardError("the program ran into a fault of the processor")
    sums = [int(word, 16) for word in re.findall(r"^([0-9a-f]{8})$", text, re.MULTILINE)]
    stack = re.search(r"^s([0-9a-f]{8})$", text, re.MULTILINE)
    return Run(sums, None if stack is None else int(stack.group(1), 16))
