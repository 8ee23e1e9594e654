"""Runs a file once in an installed runtime, in a process that cannot do harm.

Interpreters trust the offsets and options of a file; one that is damaged on purpose can crash them
or let them take all memory. So they get a process of their own with limits on memory and time.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tfpipeline.worker_process import WorkerResult, run_worker, worker_command

RUNTIMES = {
    "litert": ("LiteRT", "ai-edge-litert"),
    "tflite_runtime": ("tflite-runtime", "tflite-runtime"),
    "tf": ("tf.lite", "tensorflow"),
}
_SECONDS = 120
#: Address space. TensorFlow alone maps several gigabytes of libraries.
LIMIT_BYTES = 16 << 30
_LONGEST = 300


@dataclass(frozen=True)
class Trial:
    """How one runtime took the file.

    Args:
        runtime: The runtime's name and version, "+ plug-in" when ours was loaded.
        runs: Whether it allocated the tensors and ran once, with zeros for inputs.
        detail: What it said when it did not.
    """

    runtime: str
    runs: bool
    detail: str = ""


def try_model(
    path: str | Path,
    plugin: bool,
    seconds: float = _SECONDS,
    runtimes: Collection[str] = tuple(RUNTIMES),
) -> list[Trial]:
    """Run the file once in every runtime that is installed.

    Args:
        path: A `.tflite` file.
        plugin: Whether to load our plug-in.
        seconds: Time for each runtime, in seconds.
        runtimes: Which to try: "litert", "tflite_runtime", "tf".
    """
    trials = []
    for name, (title, package) in RUNTIMES.items():
        if name not in runtimes:
            continue
        try:
            label = f"{title} {version(package)}{' + plug-in' if plugin else ''}"
        except PackageNotFoundError:
            continue
        trials.append(Trial(label, *_run(name, Path(path), plugin, seconds)))
    return trials


def _run(name: str, path: Path, plugin: bool, seconds: float) -> tuple[bool, str]:
    limits = [str(LIMIT_BYTES), str(int(seconds) + 1)]
    command = worker_command(f"{__package__}.trial_process", name, str(path), *limits)
    done = run_worker([*command, *(["plugin"] if plugin else [])], seconds=seconds)
    refusal = refusal_of(done)
    return not refusal, refusal


def refusal_of(done: WorkerResult) -> str:
    """Return why a process that tries a file could not run it; empty where it could."""
    if done.status is None or done.status < 0:
        return done.end
    try:
        refusal = json.loads(done.stdout.splitlines()[-1])["refusal"]
    except (ValueError, IndexError, KeyError, TypeError):
        return f"ended with status {done.status} and no answer"
    return " ".join(str(refusal).split())[:_LONGEST]
