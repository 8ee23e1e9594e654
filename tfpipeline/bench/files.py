"""Times `.tflite` files against each other: exported ones, stock ones, anybody's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tfpipeline.bench.file_runner import FileRunner, needs_plug_in
from tfpipeline.bench.timing import Timing, time_interleaved
from tfpipeline.errors import TfpipelineError
from tfpipeline.runtime.backends import backend, load_delegate
from tfpipeline.runtime.errors import ModelFileError


class BenchmarkError(TfpipelineError):
    """Nothing to time."""


@dataclass(frozen=True)
class FileTiming:
    """One model file and what a call takes, or why it could not be timed.

    Args:
        path: The file.
        bytes: Its size; None where there is none to read.
        unit: What one call takes: `"utterance"`, `"frame"`, `"4 frames"`, or `"call"` for a file
            without a model card.
        runtime: What ran it, such as `"litert 2.3.0"`.
        timing: µs a call; None where it could not be timed.
        problem: Why not; empty where it was.
        note: What to know about the figure; usually empty.
    """

    path: Path
    bytes: int | None
    unit: str
    runtime: str
    timing: Timing | None
    problem: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, object]:
        return {**asdict(self), "path": str(self.path)}


def benchmark_files(
    paths: Sequence[str | os.PathLike[str]],
    *,
    rounds: int = 15,
    round_seconds: float = 0.02,
    runtime: str | None = None,
    isa: str = "auto",
    seed: int = 0,
) -> list[FileTiming]:
    """Time models against each other, all in one run, one thread, `invoke()` only.

    The input is noise: the time of a model does not depend on what it hears. Each file is first run
    once in a process of its own, because an interpreter can end the process that gives it a damaged
    file.

    Args:
        paths: `.tflite` files, whoever wrote them, and folders that hold some. A file that is named
            twice is timed once.
        rounds: rounds of the measurement; see `time_interleaved`.
        round_seconds: about how long one model is timed in one round.
        runtime: as in `tfpipeline.Interpreter`.
        isa: instruction set of the plug-in's kernels, for files with our ops.
        seed: of the noise.

    Returns:
        A row for each file in the order given, those of a folder by name. A file that cannot be
        timed has a `problem` in place of a `timing`, and the others are timed.

    Raises:
        BenchmarkError: `paths` is empty.
        RuntimeUnavailableError: no runtime, or the plug-in refuses `isa`.
        NativeLibraryError: a file has ops of ours and the plug-in cannot be loaded.
    """
    files = list_files(paths)
    chosen = backend(runtime)
    title = f"{chosen.name} {chosen.version}"
    runners: dict[Path, FileRunner] = {}
    problems: dict[Path, str] = {}
    for file in files:
        try:
            if file.is_dir():
                raise ModelFileError(f"{file} holds no .tflite file: give one that does")
            plug_in = needs_plug_in(file)
            # The plug-in's own trouble is not this file's, and ends the run.
            delegate = load_delegate(chosen.name, isa=isa) if plug_in else None
            try_once(file, chosen.name, plug_in)
            runners[file] = FileRunner(file, chosen, delegate, seed)
        except (ModelFileError, OSError) as error:
            problems[file] = reason_of(file, error)
    calls: dict[str, Callable[[], object]] = {str(f): r.invoke for f, r in runners.items()}
    timings = time_interleaved(calls, rounds=rounds, round_seconds=round_seconds) if calls else {}
    return [
        FileTiming(
            path=file,
            bytes=file.stat().st_size if file.is_file() else None,
            unit=runners[file].unit if file in runners else "",
            runtime=title,
            timing=timings.get(str(file)),
            problem=problems.get(file, ""),
            note=runners[file].note if file in runners else "",
        )
        for file in files
    ]


def list_files(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the files that paths name, each once, and folders that hold none.

    Raises:
        BenchmarkError: `paths` is empty.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files(Path(path))))
    if not files:
        raise BenchmarkError(
            "paths must name .tflite files, or folders that hold some, received none: export a "
            "model, or run tfpipeline demo"
        )
    return files


def _files(path: Path) -> Iterator[Path]:
    found = sorted(path.glob("*.tflite")) if path.is_dir() else []
    # A folder without any is a row that says so.
    yield from found or [path]


def try_once(file: Path, runtime: str, plug_in: bool) -> None:
    """Run a file in a process of its own; raise `ModelFileError` where that does not end well."""
    from tfpipeline.inspection.trial import try_model

    for trial in try_model(file, plug_in, runtimes=(runtime,)):
        if not trial.runs:
            raise ModelFileError(f"{file} cannot be run: {trial.detail}")


def reason_of(file: Path, error: Exception) -> str:
    """Return what an error says, for a row that names the file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # The row names the file.
    return " ".join(str(error).split()).removeprefix(f"{file} ")
