"""Our ops in LiteRT's CompiledModel, which takes no delegates."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfpipeline.runtime.errors import RuntimeUnavailableError
from tfpipeline.runtime.native import library_path

_SLOT = "libLiteRtGpuAccelerator"
"""The one library that LiteRT looks for in a folder that the user names."""


def accelerator_folder(folder: str | Path) -> Path:
    """Put the plug-in into `folder` under the name that LiteRT 2.2 and later look for.

    It takes the slot of LiteRT's own GPU accelerators, so those are not loaded. The folder serves
    `Environment.create(runtime_path=...)` and `litert-benchmark --runtime_path`.

    Raises:
        NativeLibraryError: the plug-in is not built, or built for another machine.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    library = library_path()
    shutil.copy2(library, target / f"{_SLOT}{library.suffix}")
    return target


@contextlib.contextmanager
def litert_environment() -> Iterator[Any]:
    """Return a LiteRT `Environment` whose compiled models can run our ops.

    Use compiled models inside the `with` block only.

    Raises:
        RuntimeUnavailableError: ai-edge-litert 2.2 or later is not installed.
        NativeLibraryError: the plug-in is not built, or built for another machine.

    Example:
        >>> with litert_environment() as environment:  # doctest: +SKIP
        ...     model = CompiledModel.from_file("kws.fused.tflite", environment=environment)
    """
    try:
        module = importlib.import_module("ai_edge_litert.environment")
    except ImportError as error:
        raise RuntimeUnavailableError(
            f"LiteRT's CompiledModel needs ai-edge-litert 2.2 or later ({error}): "
            "pip install 'ai-edge-litert>=2.2'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="tfpipeline-litert-") as folder:
        yield module.Environment.create(runtime_path=str(accelerator_folder(folder)))
