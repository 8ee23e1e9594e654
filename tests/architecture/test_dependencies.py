"""Walks the Python imports and the C includes and fails on an edge that the design forbids.

The two tables below are the design: who may use whom. An import inside a function, or under
`if TYPE_CHECKING`, costs nothing until it is reached and may use `lazy` as well. A part with a dot
is a folder, or a file, inside of another part; it may use of that part only what its row names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from imports import ROOT, Import, python_modules


@dataclass(frozen=True)
class Part:
    """What one part of the package may import: other parts, and packages of third parties."""

    parts: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    lazy: frozenset[str] = frozenset()


def part(parts: str = "", packages: str = "", lazy: str = "") -> Part:
    return Part(frozenset(parts.split()), frozenset(packages.split()), frozenset(lazy.split()))


KERAS_SIDE = (
    "protocol activations quantizers normalizations layers regularizers callbacks losses metrics"
)
EVERYTHING = (
    "arguments array_file errors progress worker_process extras loading numerics features "
    "decoding detection protocol activations quantizers normalizations layers "
    "regularizers callbacks losses metrics compress models data microcontroller tokenization "
    "runtime inspection "
    "export bench "
    "report recipes"
)
RUNTIMES = "ai_edge_litert tflite_runtime tensorflow"

PYTHON_PARTS = {
    # The leaves.
    "arguments": part(),
    "errors": part(),
    "progress": part(),
    "worker_process": part(),
    "extras": part("errors"),
    "array_file": part("errors file_size", "numpy"),
    # What a layer tells the exporter and the compressor: the only thing that they share.
    "protocol": part("", "numpy"),
    "numerics": part("errors", "numpy"),
    # The front end of microcontrollers is a package of its own, loaded when it is made.
    "features": part("errors extras", "numpy", lazy="pymicro_features"),
    "tokenization": part(),
    "decoding": part("errors", "numpy"),
    "detection": part("arguments", "numpy"),
    "microcontroller": part("detection numerics protocol", "numpy"),
    # The Keras side: any backend, so TensorFlow is not imported here.
    "activations": part("", "keras"),
    "keras_objects": part("", "keras"),
    # The numbers of a quantizer are those of its specification.
    "quantizers": part("keras_objects numerics.low_bit", "numpy keras"),
    "normalizations": part("keras_objects", "numpy keras"),
    # The recurrent cells have their gates from their specification.
    "layers": part(f"{KERAS_SIDE} numerics.cells errors", "numpy keras"),
    "regularizers": part(f"{KERAS_SIDE} errors", "numpy keras"),
    # TensorBoard's files are written by TensorFlow, whatever the backend. Jacobians are those of
    # the specification of a cell.
    "callbacks": part(
        f"{KERAS_SIDE} numerics.hard_threshold numerics.cells numerics.recurrent_float arguments "
        "errors",
        "numpy keras",
        lazy="tensorflow matplotlib",
    ),
    "losses": part(f"{KERAS_SIDE} errors", "numpy keras"),
    "metrics": part(f"{KERAS_SIDE} decoding errors", "numpy keras"),
    # The integers that a paper stores are numerics; their file is read with care.
    # The size ledger looks into a file of the device side.
    "compress": part(
        f"{KERAS_SIDE} arguments array_file errors microcontroller numerics progress",
        "numpy keras",
        lazy="inspection",
    ),
    "models": part(f"{KERAS_SIDE} compress errors models.text", "numpy keras"),
    # Texts come as numbers, and tables of word vectors from a file.
    "models.text": part(f"{KERAS_SIDE} compress data.text errors", "numpy keras"),
    "file_size": part(),
    "keras_file": part("file_size"),
    "keras_file_claims": part("file_size", lazy="keras h5py"),
    "loading": part("errors extras keras_file keras_file_claims", lazy=f"{KERAS_SIDE} keras"),
    # The device side: TensorFlow and Keras are never needed, a runtime only when one is opened.
    "data": part("features errors", "numpy"),
    # Readers do not know the synthesizer. `data` alone means the files beside these folders.
    "data.audio": part("data features errors extras file_size", "numpy", lazy="soundfile"),
    "data.wav": part("data.audio"),
    "data.sensors": part("data arguments errors progress", "numpy"),
    "data.images": part("data arguments errors extras", "numpy", lazy="sklearn"),
    "data.text": part("data errors extras", "numpy", lazy="tokenizers"),
    "data.commands": part("data data.audio features arguments errors progress", "numpy"),
    "data.sentences": part("data data.audio features arguments errors extras progress", "numpy"),
    "data.synthesis": part(
        "data data.audio data.commands.words arguments errors progress worker_process",
        "numpy",
        lazy="espeakng_loader",
    ),
    "runtime": part("detection features numerics tokenization errors", "numpy", lazy=RUNTIMES),
    "inspection": part("runtime numerics tokenization errors worker_process", "numpy"),
    # Keras only where training itself is timed.
    "bench": part(
        "runtime numerics.cells features errors progress worker_process",
        "numpy",
        lazy="inspection layers losses keras tensorflow jax",
    ),
    # The only place that touches the TF converter; it meets the layers through one protocol. Its
    # folders come below.
    "export": part(
        "detection errors extras microcontroller progress tokenization worker_process",
        "numpy tensorflow keras",
    ),
    "report": part("errors", "numpy matplotlib"),
    "recipes": part(EVERYTHING, "numpy keras", lazy="tensorflow"),
    # Experiments: what the `--help` of a study needs is imported with it, the rest when it runs.
    # One folder a paper; they share `studies.common`, and those with sentences `studies.speech`.
    "studies": part(),
    "studies.common": part(
        "bench extras recipes errors progress worker_process", "numpy", lazy="matplotlib"
    ),
    "studies.export": part(
        f"{EVERYTHING} studies.common", "numpy", lazy="keras tensorflow matplotlib"
    ),
    "studies.speech": part(f"{EVERYTHING} studies.common", "numpy"),
    **{
        f"studies.speech.{module}": part(
            f"{EVERYTHING} studies.common studies.speech", "numpy keras"
        )
        for module in ("training", "transcripts")
    },
    "studies.low_rank": part(
        f"{EVERYTHING} studies.common studies.speech", "numpy", lazy="keras tensorflow matplotlib"
    ),
    # One module of them trains. It is imported in processes of their own, with their own backend.
    "studies.low_rank.training": part(
        f"{EVERYTHING} studies.common studies.speech studies.low_rank", "numpy keras"
    ),
    "studies.embeddings": part(
        f"{EVERYTHING} studies.common", "numpy", lazy="keras tensorflow matplotlib"
    ),
    # Models, and what is done with them.
    **{
        f"studies.embeddings.{module}": part(
            f"{EVERYTHING} studies.common studies.embeddings tfpipeline", "numpy keras"
        )
        for module in ("models", "rounding", "schedules", "training")
    },
    "studies.fast_grnn": part(
        f"{EVERYTHING} studies.common", "numpy", lazy="keras tensorflow matplotlib"
    ),
    # The same: models, and what is done with them.
    **{
        f"studies.fast_grnn.{module}": part(
            f"{EVERYTHING} studies.common studies.fast_grnn tfpipeline", "numpy keras"
        )
        for module in (
            *("models", "training", "first_states"),
            *("language.models", "language.training", "language.byte_weights"),
        )
    },
    "studies.low_bit": part(
        f"{EVERYTHING} studies.common studies.speech", "numpy", lazy="keras tensorflow matplotlib"
    ),
    # The same.
    **{
        f"studies.low_bit.{module}": part(
            f"{EVERYTHING} studies.common studies.speech studies.low_bit tfpipeline", "numpy keras"
        )
        for module in (
            *("batch_mismatch", "models", "training", "text.models", "text.training"),
            *("speech.models", "speech.training"),
        )
    },
    # The command line is thin: whatever a verb needs is imported when it runs. Nobody imports it.
    "cli": part(
        "errors extras worker_process cli",
        lazy=f"{EVERYTHING} studies __version__ numpy keras tensorflow tokenizers",
    ),
    "__init__": part("extras errors", lazy=EVERYTHING),
}

# What each folder of export/ needs from outside; which of them may use which: test_export_order.
EXPORT_FOLDERS = {
    "quantize": part("numerics protocol", "numpy"),
    "graph": part("numerics protocol", "numpy flatbuffers ai_edge_litert"),
    "samples": part("array_file errors features", "numpy", lazy="data.commands.clip_folder"),
    "flatbuffer": part("numerics", "numpy flatbuffers ai_edge_litert"),
    "emit": part("numerics", "numpy ai_edge_litert"),
    "recurrent": part("numerics protocol", "numpy ai_edge_litert"),
    # What touches a Keras model, and what a process of its own does with TensorFlow.
    "trace": part("microcontroller numerics protocol", "numpy keras tensorflow"),
    "tokenizer": part("tokenization", "numpy keras"),
    "convert": part("progress runtime worker_process", "numpy keras", lazy="tensorflow"),
    "calibrate": part("progress", "numpy ai_edge_litert"),
    "lower": part("numerics", "numpy ai_edge_litert"),
    "write": part("features runtime", "numpy ai_edge_litert"),
    "verify": part(
        "detection inspection microcontroller numerics progress runtime",
        "numpy keras ai_edge_litert",
    ),
    "choose": part("progress", "numpy keras"),
    "esphome": part("features inspection", "numpy keras ai_edge_litert"),
}
INSIDE_EXPORT = frozenset({"export", *(f"export.{folder}" for folder in EXPORT_FOLDERS)})
for folder, rule in EXPORT_FOLDERS.items():
    PYTHON_PARTS[f"export.{folder}"] = replace(rule, parts=rule.parts | INSIDE_EXPORT)
PYTHON_PARTS["export"] = replace(
    PYTHON_PARTS["export"], parts=PYTHON_PARTS["export"].parts | INSIDE_EXPORT
)

FREESTANDING = "stdint.h stddef.h stdbool.h stdalign.h stdarg.h float.h limits.h"
INTRINSICS = "immintrin.h arm_neon.h cpuid.h intrin.h"
LIBC = "stdio.h stdlib.h string.h"
THREADS = "pthread.h sched.h stdatomic.h unistd.h"


@dataclass(frozen=True)
class NativePart:
    """What one folder of C may include: other folders, and system headers (None: any)."""

    parts: frozenset[str]
    headers: frozenset[str] | None


NATIVE_PARTS = {
    "kernels": NativePart(
        frozenset({"kernels"}), frozenset(f"{FREESTANDING} {INTRINSICS}".split())
    ),
    "ops": NativePart(frozenset({"ops", "kernels"}), frozenset(f"{FREESTANDING} {LIBC}".split())),
    "text": NativePart(frozenset({"text"}), frozenset(FREESTANDING.split())),
    "plugin": NativePart(
        frozenset({"plugin", "ops", "kernels", "text"}),
        frozenset(f"{FREESTANDING} {LIBC} {THREADS}".split()),
    ),
    # What apps see of it: the exported functions, nothing inside.
    "android": NativePart(
        frozenset({"android", "plugin"}), frozenset(f"{FREESTANDING} {LIBC} jni.h".split())
    ),
    "ios": NativePart(frozenset({"ios", "plugin"}), frozenset(FREESTANDING.split())),
    "tests": NativePart(frozenset({"tests", "plugin", "ops", "kernels", "text"}), None),
    "bench": NativePart(frozenset({"bench", "plugin", "ops", "kernels"}), None),
}


def python_violations(root: Path) -> list[str]:
    """Every forbidden import below `tfpipeline/` and `export/` of `root`, as readable lines."""
    found: list[str] = []
    for module in python_modules(root):
        name = part_of(module.inside)
        where = module.file.relative_to(root).as_posix()
        if name not in PYTHON_PARTS:
            found.append(f"{where}: the part {name!r} is not in the table of this test")
            continue
        for item in module.imports():
            problem = problem_of(name, item)
            if problem:
                found.append(f"{where}:{item.line}: {name} may not import {problem}")
    return found


def part_of(inside: Sequence[str]) -> str:
    """The row of the table for a module: its own, or that of the innermost folder that has one."""
    for depth in range(len(inside), 0, -1):
        if ".".join(inside[:depth]) in PYTHON_PARTS:
            return ".".join(inside[:depth])
    return inside[0]


def problem_of(name: str, item: Import) -> str | None:
    rule = PYTHON_PARTS[name]
    top, *rest = item.module.split(".")
    if top in sys.stdlib_module_names:
        return None
    when = "even lazily" if item.lazy else "when it is imported itself"
    if top != "tfpipeline":
        allowed = rule.packages | (rule.lazy if item.lazy else frozenset())
        return None if top in allowed else f"{top} {when}"
    if not rest:
        return None
    targets = {".".join(rest[:depth]) for depth in range(1, len(rest) + 1)}
    if rest[0] == name.partition(".")[0]:
        # Inside of a package its name stands for the files at its root, not for its folders.
        targets = targets - {rest[0]} | {part_of(rest)}
    if targets & ({name} | rule.parts | (rule.lazy if item.lazy else frozenset())):
        return None
    if rest[0] not in PYTHON_PARTS:
        # A name that the lazy package gives at its root, such as tfpipeline.Interpreter.
        return f"{'.'.join(rest)} through the root of the package, {when}"
    return f"tfpipeline.{'.'.join(rest)} {when}"


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def native_violations(root: Path) -> list[str]:
    """Every forbidden `#include` below `custom_ops/` of `root`, as readable lines."""
    base = root / "custom_ops"
    found: list[str] = []
    for file in sorted([*base.rglob("*.c"), *base.rglob("*.h")]):
        name = file.relative_to(base).parts[0]
        where = file.relative_to(root).as_posix()
        if name not in NATIVE_PARTS:
            found.append(f"{where}: the folder {name!r} is not in the table of this test")
            continue
        rule = NATIVE_PARTS[name]
        for bracket, header in INCLUDE.findall(file.read_text(encoding="utf-8")):
            if bracket == "<":
                if rule.headers is not None and header not in rule.headers:
                    found.append(f"{where}: {name} may not include <{header}>")
                continue
            owner = owner_of(header, file, base)
            if owner is None:
                found.append(f'{where}: "{header}" is not a header of custom_ops')
            elif owner not in rule.parts:
                found.append(f'{where}: {name} may not include "{header}" of {owner}')
    return found


def owner_of(header: str, file: Path, base: Path) -> str | None:
    """The folder of custom_ops that holds the included header, or None."""
    folders: Iterable[Path] = (file.parent, base, *sorted(p for p in base.iterdir() if p.is_dir()))
    for folder in folders:
        target = (folder / header).resolve()
        if target.is_file() and target.is_relative_to(base.resolve()):
            return target.relative_to(base.resolve()).parts[0]
    return None


def test_python_imports_follow_the_design() -> None:
    assert python_violations(ROOT) == []


def test_c_includes_follow_the_design() -> None:
    assert native_violations(ROOT) == []


def test_the_walk_sees_the_package() -> None:
    files = [*(ROOT / "tfpipeline").rglob("*.py"), *(ROOT / "export").rglob("*.py")]
    parts = {file.relative_to(ROOT).parts[1].removesuffix(".py") for file in files}
    assert {"layers", "runtime", "cli", "recipes"} <= parts
    assert list((ROOT / "custom_ops").rglob("*.c"))


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("tfpipeline/runtime/interpreter.py", "import tensorflow as tf"),
        ("tfpipeline/runtime/interpreter.py", "def f():\n    import keras"),
        ("tfpipeline/runtime/interpreter.py", "try:\n    import ai_edge_litert\nexcept E: ..."),
        ("tfpipeline/runtime/interpreter.py", "import importlib\nimportlib.import_module('keras')"),
        ("tfpipeline/runtime/interpreter.py", "from tfpipeline.export import writer"),
        ("tfpipeline/layers/gru.py", "from tensorflow import keras"),
        ("tfpipeline/layers/gru.py", "from ..compress import truncate"),
        ("tfpipeline/features/log_mel.py", "class A:\n    from .. import data"),
        ("tfpipeline/numerics/gru.py", "from tfpipeline import runtime"),
        ("tfpipeline/numerics/gru.py", "def f():\n    from ..layers import gru"),
        ("tfpipeline/recipes/demo.py", "from tfpipeline.cli.main import main"),
        ("tfpipeline/recipes/demo.py", "import tensorflow"),
        ("tfpipeline/cli/main.py", "from ..recipes.demo import run_demo"),
        ("tfpipeline/bench/timing.py", "from tfpipeline import Interpreter"),
        ("tfpipeline/__init__.py", "from . import layers"),
        ("tfpipeline/surprise/x.py", ""),
        ("export/exporter.py", "from tfpipeline.layers import FactoredGRU"),
        ("export/exporter.py", "import matplotlib"),
        ("export/exporter.py", "from tfpipeline.data.commands.clip_folder import read_clip_folder"),
        ("export/exporter.py", "def f():\n    from tfpipeline.data import load_speech_commands"),
        ("export/exporter.py", "from ..recipes import demo"),
        ("export/lower/products.py", "import keras"),
        ("tfpipeline/data/errors.py", "from tfpipeline.data.audio import wav"),
        ("tfpipeline/data/commands/reader.py", "from tfpipeline.data.synthesis import noise"),
        ("tfpipeline/data/sentences/reader.py", "def f():\n    from ..synthesis.noise import make"),
        ("tfpipeline/data/synthesis/noise.py", "from tfpipeline.data.commands import clip_reader"),
        ("tfpipeline/studies/common/rows.py", "from tfpipeline.studies.low_rank import runs"),
        ("tfpipeline/studies/low_rank/runs.py", "from ..export.matrix import run_matrix"),
        ("tfpipeline/studies/low_rank/runs.py", "import keras"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, file: str, code: str) -> None:
    assert len(python_violations(tree(tmp_path, {file: code}))) == 1


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("tfpipeline/runtime/interpreter.py", "def f():\n    import ai_edge_litert.interpreter"),
        ("tfpipeline/runtime/interpreter.py", "from ..numerics import gru\nimport numpy as np, os"),
        ("tfpipeline/runtime/interpreter.py", "from .native import library_path"),
        ("tfpipeline/cli/demo.py", "def run():\n    from ..recipes.demo import run_demo"),
        (
            "tfpipeline/__init__.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import layers",
        ),
        ("export/trace/mark.py", "from tfpipeline.protocol import RecurrentStep"),
        (
            "export/samples/sources.py",
            "def f():\n    from tfpipeline.data.commands import clip_folder",
        ),
        ("export/graph/pairs.py", "from ... import protocol\nfrom .markers import mark"),
        ("export/exporter.py", "from tfpipeline.export.verify import problems\nimport keras"),
        (
            "export/lower/products.py",
            "from ..emit.products_of_weights import x\nfrom ..modes import m",
        ),
        ("tfpipeline/data/__init__.py", "from tfpipeline.data.errors import DataError"),
        ("tfpipeline/data/synthesis/plan.py", "from ..commands.words import COMMANDS"),
        ("tfpipeline/data/commands/reader.py", "from ..audio.wav import a\nfrom .. import errors"),
        ("tfpipeline/recipes/demo.py", "from tfpipeline.data.audio.wav import read_wav"),
        ("tfpipeline/studies/low_rank/training.py", "import keras\nfrom .runs import Stage1"),
        ("tfpipeline/studies/low_rank/pool.py", "def f():\n    from .training import train"),
    ],
)
def test_an_allowed_import_passes(tmp_path: Path, file: str, code: str) -> None:
    assert python_violations(tree(tmp_path, {file: code})) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("custom_ops/kernels/a.c", '#include "../ops/o.h"'),
        ("custom_ops/kernels/a.c", '#  include "ops/o.h"'),
        ("custom_ops/kernels/a.c", "#include <math.h>"),
        ("custom_ops/kernels/a.h", "#include <stdlib.h>"),
        ("custom_ops/ops/a.c", '#include "plugin/p.h"'),
        ("custom_ops/plugin/a.c", '#include "tensorflow/lite/c/common.h"'),
        ("custom_ops/surprise/a.c", ""),
    ],
)
def test_a_forbidden_include_is_found(tmp_path: Path, file: str, line: str) -> None:
    headers = {"custom_ops/ops/o.h": "", "custom_ops/plugin/p.h": "", "custom_ops/kernels/k.h": ""}
    assert len(native_violations(tree(tmp_path, headers | {file: line}))) == 1


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("custom_ops/kernels/a.c", '#include "k.h"\n#include <stdint.h>\n#include <immintrin.h>'),
        ("custom_ops/ops/a.c", '#include "../kernels/k.h"'),
        ("custom_ops/plugin/a.c", '#include "ops/o.h"'),
    ],
)
def test_an_allowed_include_passes(tmp_path: Path, file: str, line: str) -> None:
    headers = {"custom_ops/ops/o.h": "", "custom_ops/kernels/k.h": ""}
    assert native_violations(tree(tmp_path, headers | {file: line})) == []
