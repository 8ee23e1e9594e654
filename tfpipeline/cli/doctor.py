"""`tfpipeline doctor`: what is installed, what works, what is missing and how to get it."""

from __future__ import annotations

import argparse
import ctypes
import importlib.metadata
import platform
import sys
from dataclasses import asdict, dataclass

HELP = "say what is installed, which kernels this machine gets, and what is missing"
EXAMPLE = "tfpipeline doctor --json"

_IMPORT_SECONDS = 60
_EXTRA_PACKAGES = (
    ("tensorflow", "train and export", "train"),
    ("keras", "train and export", "train"),
    ("matplotlib", "plots in the report", "report"),
    ("espeakng-loader", "the demo's speech synthesizer (GPL-3, a process of its own)", "demo"),
    ("soundfile", "corpora of FLAC or SPHERE files", "speech"),
)
_RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
)


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis; `advice` says what to do when it is not ok."""

    what: str
    ok: bool
    detail: str
    advice: str = ""
    needed: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import print_json

    findings = diagnose()
    if arguments.json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = "ok " if finding.ok else ("NO " if finding.needed else "-  ")
            print(f"{mark} {finding.what:16s} {finding.detail}")
            if finding.advice:
                print(f"    {'':16s} {finding.advice}")
    return 0 if all(finding.ok for finding in findings if finding.needed) else 1


def diagnose() -> list[Finding]:
    """Look at this installation and this machine; import runtimes in processes of their own."""
    from tfpipeline import __version__
    from tfpipeline.bench.machine import describe_machine

    machine = describe_machine()
    return [
        Finding("tfpipeline", True, __version__),
        Finding("python", True, f"{platform.python_version()} ({sys.executable})"),
        Finding("system", True, f"{machine.system}, {machine.architecture}"),
        Finding("processor", True, f"{machine.processor}, {machine.cores} cores usable"),
        Finding("extensions", True, " ".join(machine.flags) or "none that the kernels use"),
        _package("numpy", "everything", "", needed=True),
        *_runtimes(),
        *(_package(name, use, extra) for name, use, extra in _EXTRA_PACKAGES),
        _native_library(),
    ]


def _package(name: str, use: str, extra: str, needed: bool = False) -> Finding:
    version = _version(name)
    if version:
        return Finding(name, True, version, needed=needed)
    wanted = f"tfpipeline[{extra}]" if extra else "tfpipeline"
    advice = f"for {use}: pip install '{wanted}'"
    return Finding(name, False, "not installed", advice, needed)


def _runtimes() -> list[Finding]:
    """Every TFLite runtime that is installed; one that imports is needed."""
    found = [_runtime(name, module) for name, module in _RUNTIMES if _version(name)]
    tensorflow = _version("tensorflow")
    if tensorflow:
        found.append(Finding("tf.lite", True, f"comes with tensorflow {tensorflow}"))
    if not any(finding.ok for finding in found):
        advice = "to run models: pip install ai-edge-litert"
        found.append(Finding("a runtime", False, "none works here", advice, needed=True))
    return found


def _runtime(name: str, module: str) -> Finding:
    from tfpipeline.worker_process import python_command, run_worker

    version = _version(name) or ""
    # A wheel may install and still not load, for instance where the C library is too old.
    attempt = run_worker(python_command("-c", f"import {module}"), seconds=_IMPORT_SECONDS)
    if attempt.status == 0:
        return Finding(name, True, version)
    if attempt.status is None or attempt.status < 0:
        return Finding(name, False, f"{version}, but importing it {attempt.end}")
    reason = attempt.reason or f"exit status {attempt.status}"
    advice = (
        "its libraries are newer than this system's: update the system, or use tflite-runtime"
        if "GLIBC" in reason
        else ""
    )
    return Finding(name, False, f"{version}, but it cannot be imported: {reason}", advice)


def _native_library() -> Finding:
    from tfpipeline.errors import TfpipelineError
    from tfpipeline.runtime.native import best_isa, library_path

    try:
        path = library_path()
        library = ctypes.CDLL(str(path))
        library.tfpipeline_version.restype = ctypes.c_char_p
        version = library.tfpipeline_version().decode()
        isa = best_isa(path)
    except TfpipelineError as error:
        return Finding("native plug-in", False, str(error), needed=True)
    except (OSError, AttributeError) as error:
        advice = "build it again: pip install --force-reinstall --no-deps tfpipeline"
        return Finding("native plug-in", False, f"cannot be loaded: {error}", advice, needed=True)
    detail = f"{version}, kernels for {isa} ({path})"
    return Finding("native plug-in", True, detail, needed=True)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
