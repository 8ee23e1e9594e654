"""Keeps the start-up notes of TensorFlow and LiteRT off the terminal; `--debug` shows them."""

from __future__ import annotations

import os
import sys


def quiet_environment() -> None:
    """Ask the libraries to be quiet, in this process and its children; before any import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")


def quiet_native_code() -> None:
    """Close standard error to C and C++, which no variable quiets, and keep it for Python.

    LiteRT notes every interpreter that it makes. Python's own messages go on to where standard
    error went before, a terminal included.
    """
    try:
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:  # there is no standard error to begin with
        return
    sys.stderr.flush()
    sys.stderr = open(kept, "w", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    os.dup2(nowhere, 2)
    os.close(nowhere)
