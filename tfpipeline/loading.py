"""Loads Keras models that hold layers of this package."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import TfpipelineError
from .extras import missing_extra
from .keras_file import problem_of, problem_of_hdf5
from .keras_file_claims import claims_too_much

if TYPE_CHECKING:
    import keras


class ModelLoadError(TfpipelineError):
    """A Keras model file that cannot be loaded."""


def load_model(path: str | os.PathLike[str], compile: bool = True) -> keras.Model:
    """Load a `.keras` file after registering this package's layers, with Keras' safe mode on.

    Args:
        path: a file written by `model.save(path)`.
        compile: whether to restore the optimizer and the losses, as in `keras.models.load_model`.

    Raises:
        ModelLoadError: the file is missing or is not a Keras model.

    Example:
        `model = tfpipeline.load_model("demo-out/stage2.keras")`
    """
    file = Path(path)
    problem = problem_of(file)
    if problem is not None:
        raise ModelLoadError(f"{file} {problem}")
    try:
        import keras

        # Imported for their effect: each registers its classes with Keras under "tfpipeline".
        from . import (  # noqa: F401
            activations,
            callbacks,
            layers,
            losses,
            metrics,
            normalizations,
            quantizers,
            regularizers,
        )
    except ImportError as error:
        raise missing_extra(error) or error from error
    if problem := claims_too_much(file):
        raise ModelLoadError(f"{file} {problem}; save or copy it again")
    try:
        return keras.models.load_model(file, compile=compile, safe_mode=True)
    except Exception as error:
        # Whatever a damaged archive or a class' own from_config raises.
        raise ModelLoadError(f"{file} {_problem(file, error)}") from error


def load_with_loss(path: str | os.PathLike[str]) -> keras.Model:
    """Load a `.keras` file with its compiled loss, which says what its outputs are.

    A model whose loss or optimizer is not at hand is loaded without them. Nothing is compiled by
    XLA in a prediction.

    Raises:
        ModelLoadError: the file is missing or is not a Keras model.
    """
    try:
        model = load_model(path)
    except ModelLoadError:
        return load_model(path, compile=False)
    model.jit_compile = False
    return model


def _problem(file: Path, error: Exception) -> str:
    """Return what a file that Keras refused is; Keras names an unknown class late in a page."""
    text = str(error).strip()
    unknown = re.search(r"Could not locate (class|function) '([^']+)'", text)
    if unknown:
        kind, name = unknown.groups()
        return (
            f"holds the {kind} {name!r}, which is neither Keras' nor ours: load it in Python where "
            "it is defined, with custom_objects or register_keras_serializable, and go on there"
        )
    if isinstance(error, zipfile.BadZipFile | zlib.error | EOFError):
        return f"is cut short or damaged ({text or repr(error)}); save or copy it again"
    reason = text.splitlines()[0] if text else repr(error)
    if file.suffix in (".h5", ".hdf5"):
        return problem_of_hdf5(file, reason)
    return f"is not a Keras model that can be loaded: {reason}"
