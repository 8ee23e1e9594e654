"""Finds a TensorFlow Lite interpreter among those that may be installed, and loads the plug-in."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfpipeline.runtime.errors import RuntimeUnavailableError
from tfpipeline.runtime.native import library_path


@dataclass(frozen=True)
class Backend:
    """One TensorFlow Lite interpreter package.

    Args:
        name: How users name it: "litert", "tflite_runtime" or "tf".
        version: Version of the package.
        interpreter: Its Interpreter class.
        load_delegate: Its loader of external delegates.
    """

    name: str
    version: str
    interpreter: Callable[..., Any]
    load_delegate: Callable[..., Any]


_PACKAGES = {
    "litert": ("ai_edge_litert", "ai-edge-litert"),
    "tflite_runtime": ("tflite_runtime", "tflite-runtime"),
    "tf": ("tensorflow", "tensorflow"),
}


def backend(name: str | None = None) -> Backend:
    """Return the backend called `name`, or the first one installed.

    Raises:
        RuntimeUnavailableError: it is not installed, or `name` is unknown.
    """
    if name is not None and (not isinstance(name, str) or name not in _PACKAGES):
        raise RuntimeUnavailableError(
            f"runtime must be one of {', '.join(_PACKAGES)}, received {name!r}"
        )
    for candidate in [name] if name else list(_PACKAGES):
        try:
            return _load(candidate)
        except ImportError as error:
            reason = error
    if name is not None:
        package = _PACKAGES[name][1]
        raise RuntimeUnavailableError(
            f"runtime {name!r} is not installed ({reason}): pip install {package}"
        )
    raise RuntimeUnavailableError(
        "no TensorFlow Lite interpreter is installed: pip install ai-edge-litert "
        "(or tflite-runtime on older systems)"
    )


def _load(name: str) -> Backend:
    if name == "tf":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        tf = importlib.import_module("tensorflow")
        lite = tf.lite
        return Backend(name, tf.__version__, lite.Interpreter, lite.experimental.load_delegate)
    module_name, package = _PACKAGES[name]
    module = importlib.import_module(f"{module_name}.interpreter")
    from importlib.metadata import version

    return Backend(name, version(package), module.Interpreter, module.load_delegate)


def load_delegate(runtime: str | None = None, **options: str | int | bool) -> Any:
    """Load our plug-in for use in `experimental_delegates=[...]` of an interpreter of your own.

    Args:
        runtime: "litert", "tflite_runtime" or "tf": whose Interpreter it is for; by default the
            first one installed, in this order.
        options: The plug-in's options: `isa`, `num_threads`,
            `accelerate_builtin` (also runs the runtime's own FULLY_CONNECTED layers, for batches up
            to 8 and where that is faster, and its UNIDIRECTIONAL_SEQUENCE_LSTM layers in integers;
            `"all"` takes every layer that it can), `chains` (runs the builtin nodes around an op
            with it as one node; on unless `chains=False`), `verbose`.

    Returns:
        The delegate object; it must live as long as the interpreter.

    Raises:
        NativeLibraryError: the plug-in is not built, or built for another machine.
        RuntimeUnavailableError: the runtime is not installed, or the plug-in refuses an option.
    """
    chosen = backend(runtime)
    path = str(library_path())
    given = {key: str(int(v) if isinstance(v, bool) else v) for key, v in options.items()}
    try:
        return chosen.load_delegate(path, given)
    except (ValueError, OSError) as error:
        raise RuntimeUnavailableError(
            f"the plug-in {path} refused to load with options {given}: {error}"
        ) from error
