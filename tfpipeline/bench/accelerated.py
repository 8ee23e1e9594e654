"""Times `.tflite` files with the plug-in's `accelerate_builtin` against the same without it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfpipeline.bench.file_runner import FileRunner, needs_plug_in
from tfpipeline.bench.files import list_files, reason_of, try_once
from tfpipeline.bench.timing import Timing, time_interleaved
from tfpipeline.runtime.backends import Backend, backend, load_delegate
from tfpipeline.runtime.errors import ModelFileError

if TYPE_CHECKING:
    from tfpipeline.inspection import PluginClaims

#: Calls whose outputs are compared: states that the runtime keeps are carried from call to call.
_COMPARED_CALLS = 4
EQUAL = "bit-equal"


@dataclass(frozen=True)
class AcceleratedTiming:
    """What a call of one file takes without and with `accelerate_builtin`.

    Args:
        path: The file.
        unit: What one call takes; see `FileTiming`.
        runtime: What ran it, such as `"litert 2.3.0"`.
        before: µs a call without; None where it could not be timed. The plug-in is there too for a
            file that has ops of ours, and runs those.
        after: µs a call with it; None where the plug-in would run nothing more, and where it could
            not be timed.
        outputs: `"bit-equal"`, or the largest difference by the output's name; empty without
            `after`.
        claims: What the plug-in says about the nodes; None where it was not asked.
        problem: Why the file could not be timed; empty where it was.
        note: What to know about the figures; usually empty.
    """

    path: Path
    unit: str
    runtime: str
    before: Timing | None
    after: Timing | None
    outputs: str
    claims: PluginClaims | None
    problem: str = ""
    note: str = ""

    @property
    def times_faster(self) -> float | None:
        """The median before over the median after."""
        if self.before is None or self.after is None:
            return None
        return self.before.median / self.after.median

    def to_dict(self) -> dict[str, object]:
        return {**asdict(self), "path": str(self.path), "times_faster": self.times_faster}


def benchmark_accelerated(
    paths: Sequence[str | os.PathLike[str]],
    *,
    rounds: int = 15,
    round_seconds: float = 0.02,
    runtime: str | None = None,
    isa: str = "auto",
    seed: int = 0,
) -> list[AcceleratedTiming]:
    """Time files without and with `accelerate_builtin`, all in turn, and compare their outputs.

    Args:
        paths, rounds, round_seconds, runtime, isa, seed: As in `benchmark_files`.

    Returns:
        A row for each file. One that cannot be timed has a `problem`, and the others are timed.

    Raises:
        BenchmarkError: `paths` is empty.
        RuntimeUnavailableError: no runtime, or the plug-in refuses `isa`.
        NativeLibraryError: the plug-in cannot be loaded.

    Example:
        >>> benchmark_accelerated(["kws.tflite"])[0].times_faster          # doctest: +SKIP
        1.62
    """
    files = list_files(paths)
    chosen = backend(runtime)
    pairs = {file: _start(file, chosen, isa, seed) for file in files}
    calls: dict[str, Callable[[], object]] = {}
    for file, pair in pairs.items():
        calls |= {f"{file} {when}": runner.invoke for when, runner in pair.runners.items()}
    timings = time_interleaved(calls, rounds=rounds, round_seconds=round_seconds) if calls else {}
    return [
        AcceleratedTiming(
            path=file,
            unit=pair.runners["before"].unit if pair.runners else "",
            runtime=f"{chosen.name} {chosen.version}",
            before=timings.get(f"{file} before"),
            after=timings.get(f"{file} after"),
            outputs=pair.outputs,
            claims=pair.claims,
            problem=pair.problem,
            note=pair.runners["before"].note if pair.runners else "",
        )
        for file, pair in pairs.items()
    ]


@dataclass(frozen=True)
class _Pair:
    """`"before"` and `"after"`, as far as there are any, ready to be timed."""

    runners: dict[str, FileRunner]
    claims: PluginClaims | None = None
    outputs: str = ""
    problem: str = ""


def _start(file: Path, chosen: Backend, isa: str, seed: int) -> _Pair:
    from tfpipeline.inspection import ask_plugin

    claims = None
    try:
        if file.is_dir():
            raise ModelFileError(f"{file} holds no .tflite file: give one that does")
        plug_in = needs_plug_in(file)
        # The plug-in's own trouble is not this file's, and ends the run.
        accelerating = load_delegate(chosen.name, isa=isa, accelerate_builtin=True)
        try_once(file, chosen.name, plug_in)
        claims = ask_plugin(file, chosen.name, isa)
        if claims.problem:
            raise ModelFileError(f"{file} {claims.sentences()[0]}")
        plain = load_delegate(chosen.name, isa=isa) if plug_in else None
        runners = {"before": FileRunner(file, chosen, plain, seed)}
        if not claims.accelerated:
            return _Pair(runners, claims)
        runners["after"] = FileRunner(file, chosen, accelerating, seed)
    except (ModelFileError, OSError) as error:
        return _Pair({}, claims, problem=reason_of(file, error))
    return _Pair(runners, claims, _compare(runners["before"], runners["after"]))


def _compare(before: FileRunner, after: FileRunner) -> str:
    """Return how the outputs of the same calls differ, in words."""
    worst: tuple[float, str] | None = None
    for call in range(_COMPARED_CALLS):
        # Both have made their first call already.
        if call:
            before.invoke()
            after.invoke()
        for (name, wanted), (_, found) in zip(before.outputs(), after.outputs(), strict=True):
            if _bits(wanted) == _bits(found):
                continue
            largest = _difference(wanted, found)
            if worst is None or not largest <= worst[0]:
                unit = "" if wanted.dtype.kind == "f" else " levels"
                worst = (largest, f"{name} differs by up to {largest:.3g}{unit}")
    return EQUAL if worst is None else worst[1]


def _bits(values: np.ndarray) -> tuple[object, ...]:
    # Texts are objects, whose bytes are addresses.
    stored = values.tolist() if values.dtype.kind == "O" else values.tobytes()
    return values.dtype.str, values.shape, stored


def _difference(wanted: np.ndarray, found: np.ndarray) -> float:
    """Return the largest difference of two outputs; NaN where there is none in numbers."""
    if wanted.shape != found.shape or wanted.dtype.kind not in "fiub":
        return float("nan")
    real: Any = np.abs(wanted.astype(np.float64) - found.astype(np.float64))
    return float(real.max())
