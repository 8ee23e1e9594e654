"""Recurrent models from `model.fit` to a phone or a Raspberry Pi.

Importing this package is cheap: TensorFlow, Keras and LiteRT are imported by the part that needs
them, when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import (
        activations,
        bench,
        callbacks,
        compress,
        data,
        decoding,
        detection,
        export,
        features,
        inspection,
        layers,
        losses,
        metrics,
        models,
        normalizations,
        quantizers,
        recipes,
        regularizers,
        report,
        runtime,
    )
    from .detection import Detector
    from .errors import TfpipelineError
    from .inspection import inspect_model
    from .loading import load_model
    from .runtime import Interpreter, Streamer, TextClassifier, load_delegate

    __version__: str

__all__ = [
    "Detector",
    "Interpreter",
    "Streamer",
    "TextClassifier",
    "TfpipelineError",
    "__version__",
    "activations",
    "bench",
    "callbacks",
    "compress",
    "data",
    "decoding",
    "detection",
    "export",
    "features",
    "inspect_model",
    "inspection",
    "layers",
    "load_delegate",
    "load_model",
    "losses",
    "metrics",
    "models",
    "normalizations",
    "quantizers",
    "recipes",
    "regularizers",
    "report",
    "runtime",
]

_HOME_OF_NAME = {
    "Detector": ".detection",
    "Interpreter": ".runtime",
    "Streamer": ".runtime",
    "TextClassifier": ".runtime",
    "TfpipelineError": ".errors",
    "inspect_model": ".inspection",
    "load_delegate": ".runtime",
    "load_model": ".loading",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = _resolve(name)
    except ImportError as error:
        from .extras import missing_extra

        raise missing_extra(error) or error from error
    globals()[name] = value
    return value


def _resolve(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    if name in _HOME_OF_NAME:
        return getattr(importlib.import_module(_HOME_OF_NAME[name], __name__), name)
    return importlib.import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
