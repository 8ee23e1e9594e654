"""Runs every written file once in the worker process, before the user's process opens it.

An interpreter that meets values which it did not expect may call abort(), and the process that
runs it is gone. Here that is the worker, and what is left is a sentence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfpipeline.export.convert.worker import in_worker
from tfpipeline.export.errors import VerificationError
from tfpipeline.export.options import Form
from tfpipeline.runtime.native import LIBRARY_VARIABLE
from tfpipeline.runtime.session import Session


def try_files(files: Mapping[Form, Path], workdir: Path, time_limit: float = 300.0) -> None:
    """Load and invoke each file in the worker process.

    Raises:
        VerificationError: the process did not survive it, or XNNPACK refuses its scales. What else
            an interpreter says is left to the caller's own, which says the same.
    """
    for form, path in files.items():
        request = {
            "task": "try",
            "path": os.path.abspath(path),
            "streaming": form.streaming,
            # The worker has the environment of the time when it was started.
            "library": os.environ.get(LIBRARY_VARIABLE, ""),
        }
        failed = in_worker(request, workdir, time_limit)
        if failed is not None:
            reason, log = failed
            raise VerificationError(
                f"the {form.name} form cannot be run: the interpreter {reason} (log: {log}). "
                "Values of very different size meet in one of its layers, as of inputs with "
                "different units. Nothing was written; normalize the model's inputs, look for "
                "outliers in the calibration samples and the weights, or keep the layer in "
                "float32: overrides={'LAYER': 'float32'}"
            )


def run_once(path: str, streaming: bool, library: str) -> None:
    """Call a file once with zeros, with the plug-in where it needs it, in the worker."""
    os.environ[LIBRARY_VARIABLE] = library
    session = Session(path, step=streaming)
    for entry in session.inputs:
        session.set(entry["name"], np.zeros(entry["shape"], entry["dtype"]))
    if session.card.get("length") and not streaming:
        length = session.card["length"]
        session.set(length["input"], np.array([length["max"]], np.int32))
    session.reset_states()
    session.invoke()
