"""Runs exported models in the TensorFlow Lite interpreter that is installed.

Imports numpy only; an interpreter is imported when a model is loaded.
"""

from tfpipeline.runtime.backends import backend, load_delegate
from tfpipeline.runtime.errors import InputError, ModelFileError, RuntimeUnavailableError
from tfpipeline.runtime.interpreter import Interpreter
from tfpipeline.runtime.streamer import Streamer
from tfpipeline.runtime.text_classifier import TextClassifier, TextPrediction

__all__ = [
    "InputError",
    "Interpreter",
    "ModelFileError",
    "RuntimeUnavailableError",
    "Streamer",
    "TextClassifier",
    "TextPrediction",
    "backend",
    "load_delegate",
]
