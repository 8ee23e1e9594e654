"""Says which extra of the package brings a module that is missing."""

from __future__ import annotations

from importlib.util import find_spec

from .errors import TfpipelineError

_EXTRA_OF_MODULE = {
    "tensorflow": "train",
    "keras": "train",
    "matplotlib": "report",
    "espeakng_loader": "demo",
    "soundfile": "speech",
    "jax": "studies",
    "sklearn": "digits",
    "pymicro_features": "esphome",
    "tokenizers": "text",
}


class MissingExtraError(TfpipelineError, ModuleNotFoundError):
    """A module is missing that one of the package's extras would have installed."""


def missing_extra(error: ImportError) -> MissingExtraError | None:
    """Return the error for a failed import, or None when no extra brings the module."""
    module = (error.name or "").partition(".")[0]
    extra = _EXTRA_OF_MODULE.get(module)
    if extra is None or not isinstance(error, ModuleNotFoundError):
        return None
    return _missing(module, extra)


def require_modules(*modules: str) -> None:
    """Fail at once when one of these is not installed, before hours of work need it.

    Raises:
        MissingExtraError: naming the extra that brings the module.
    """
    for module in modules:
        if find_spec(module) is None:
            raise _missing(module, _EXTRA_OF_MODULE[module])


def _missing(module: str, extra: str) -> MissingExtraError:
    return MissingExtraError(
        f"This needs {module}, which is not installed; run pip install 'tfpipeline[{extra}]'.",
        name=module,
    )
