"""Refuses what cannot be exported before anything is done, in words that say what to do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras

from tfpipeline.export.errors import ExportError

_LONGEST_NAME = 255
"""Bytes, on all file systems that are in use."""


def check_model(model: Any) -> None:
    """Refuse what is no float Keras model on the backend that the converter knows.

    Raises:
        ExportError: it is another object, runs on JAX or PyTorch, or was quantized by Keras.
    """
    if not isinstance(model, keras.Model):
        raise ExportError(
            f"model must be a keras.Model, received {type(model).__name__}: load a file with "
            "tfpipeline.load_model(path), put a layer into keras.Sequential"
        )
    _check_no_text_inside(model)
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ExportError(
            f"export needs Keras' TensorFlow backend, and this process has {backend!r}: save the "
            "model with model.save('model.keras') and export it where the environment says "
            "KERAS_BACKEND=tensorflow, with tfpipeline.load_model('model.keras') or `tfpipeline "
            "export model.keras`"
        )
    quantized = [layer.name for layer in model._flatten_layers() if _is_quantized(layer)]
    if quantized:
        some = ", ".join(map(repr, quantized[:5])) + (", ..." if len(quantized) > 5 else "")
        raise ExportError(
            f"{len(quantized)} layers were quantized by Keras (model.quantize): {some}; expected "
            "the float model, which export quantizes itself: export the model as it was before, "
            "or build it again and load its float weights"
        )


def _check_no_text_inside(model: keras.Model) -> None:
    text = (keras.layers.TextVectorization, keras.layers.StringLookup)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, text):
            kind = type(layer).__name__
            raise ExportError(
                f"layer {layer.name!r} ({kind}) makes ids of text inside of the model, which has "
                "no form in the files; expected a model that takes ids: export the layers behind "
                f"it, keras.Sequential(model.layers[i:]), and pass tokenizer={layer.name}, which "
                "then travels in the file"
            )


def _is_quantized(layer: Any) -> bool:
    return bool(getattr(layer, "_is_quantized", False)) or (
        # A policy of a layer that has nothing to quantize has no say.
        getattr(layer, "quantization_mode", None) is not None and bool(layer.weights)
    )


def check_targets(files: Iterable[Path]) -> None:
    """Refuse names at which no file can be written.

    Raises:
        ExportError: a folder has the name, or it is too long.
    """
    for file in files:
        size = len(os.fsencode(file.name))
        if size > _LONGEST_NAME:
            raise ExportError(
                f"path: the file name {file.name[:24]}...{file.name[-24:]} has {size} bytes, and "
                f"file systems take {_LONGEST_NAME}: pass a shorter one"
            )
        if "\0" in str(file):
            raise ExportError(f"path: {str(file)!r} has a zero in it: pass another")
        try:
            is_folder = file.is_dir()
        except OSError as error:
            raise ExportError(
                f"path: no file can be written there ({error.strerror}): {file}"
            ) from error
        if is_folder:
            raise ExportError(f"path: {file} is a folder, expected none of that name: pass another")
